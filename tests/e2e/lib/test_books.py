#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""books.py accepts books that close and finds each way in which they do not."""
import os
import struct
import tempfile
import unittest

import books


def block(kind, body):
    length = struct.pack("=I", 12 + len(body))
    return struct.pack("=I", kind) + length + body + length


def capture(packets, **counters):
    """A pcapng file of one interface; its statistics say what counters say."""
    options = b"".join(struct.pack("=HHQ", code, 8, counters[name])
                       for code, name in books.COUNTERS.items() if name in counters)
    packet = struct.pack("=IIIII", 0, 0, 0, 4, 4) + b"data"
    return (block(books.SHB, bytes(16)) + block(1, bytes(8)) + block(books.EPB, packet) * packets +
            block(books.ISB, bytes(12) + options))


def right():
    return {"ifrecv": 10, "filteraccept": 8, "osdrop": 3, "usrdeliv": 5}


SUMMARY = """File: {path}
Packets captured: {captured}
Packets received/dropped on interface 'near': {written}/{lost} (ring:{ring}/copy:0/invalid:0/queue:0/output:1) (62.5%)
"""


class Books(unittest.TestCase):
    def check(self, packets=5, options=("-f", "udp"), data=None, deleted=False, status=0, **changes):
        counters = right() | {key: n for key, n in changes.items() if key in right()}
        said = {"captured": 5, "written": 5, "lost": 3, "ring": 2}
        said |= {key: n for key, n in changes.items() if key in said}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            if not deleted:
                with open(path, "wb") as file:
                    file.write(data or capture(packets, **counters))
            books.check(["xdptap", *options], status, SUMMARY.format(path=path, **said))

    def refuse(self, words, **changes):
        with self.assertRaisesRegex(books.Imbalance, words):
            self.check(**changes)

    def test_right(self):
        self.check()

    def test_file(self):
        self.refuse("packets in the files", packets=4, usrdeliv=4, osdrop=4)
        self.refuse("isb_usrdeliv", usrdeliv=6, osdrop=2)
        self.refuse("inside a block", data=capture(5, **right())[:-8])

    def test_statistics(self):
        self.refuse("isb_filteraccept", osdrop=2)
        self.refuse("isb_ifrecv and", ifrecv=7)
        self.refuse("without a filter", options=())

    def test_summary(self):
        self.refuse("by cause", ring=1)
        self.refuse("captured and received", captured=6)
        self.refuse("summary's losses", lost=4, ring=3)

    def test_missing_file(self):
        self.refuse("packets in the files", deleted=True)
        self.check(deleted=True, options=("--total-size", "1M"))

    def test_killed(self):
        self.check(packets=2, usrdeliv=2, status=-9)

    def test_stream(self):
        books.check(["xdptap"], 0, "", capture(3, ifrecv=4, filteraccept=4, osdrop=1, usrdeliv=3))
        with self.assertRaises(books.Imbalance):
            books.check(["xdptap"], 0, "", capture(3, ifrecv=5, filteraccept=4, osdrop=1, usrdeliv=3))


if __name__ == "__main__":
    unittest.main()
