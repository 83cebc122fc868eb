# SPDX-License-Identifier: MIT
"""Captures to a disk of their own, of frames that are told apart by their number."""
import os
import random
import re
import signal
import struct
import threading

import books
import harness
import net
from disks import Disk
from program import Case

SIZE = 1000
HEAD = net.frame(14)
NOISE = random.Random(15).randbytes(4096)
NUMBER = re.compile(rb"_(\d{5})_")


def frame(number):
    """As net.frame(), but a hundred thousand of them take no time."""
    at = number % 3001
    return b"%s%s%s" % (HEAD, struct.pack(">I", number), NOISE[at:at + SIZE - 18])


def packets_of(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("=II", data, at)
        if length > len(data) - at:
            break
        if kind == books.EPB:
            caplen, = struct.unpack_from("=I", data, at + 20)
            yield data[at + 28:at + 28 + caplen]
        at += length


def size_of(paths):
    """Of all; those that are renamed at this moment do not count."""
    total = 0
    for path in paths:
        try:
            total += os.path.getsize(path)
        except FileNotFoundError:
            pass
    return total


def by_number(paths):
    """Files of a set in their order, whatever became of their names."""
    return sorted(paths, key=lambda path: NUMBER.search(os.path.basename(path).encode())[1])


class DiskCase(Case):
    """A capture to a disk of its own that can do what disks do."""

    def setUp(self):
        super().setUp()
        self.sent = 0
        self.disk = self.make_disk()

    def make_disk(self, **kind):
        return self.enterContext(Disk(self.path("image"), self.path("disk"), **kind))

    def begin(self, *options, name="out", **process):
        return self.start("-Q", "in", *options, file=os.path.join(self.disk.folder, name), **process)

    def count(self, capture):
        """(written, lost, lost in the queue), as the capture says when it is asked."""
        capture.signal(signal.SIGUSR1)
        found = books.INTERFACE.findall(capture.stderr().decode())
        if not found:
            return 0, 0, 0
        _, written, lost, *causes = found[-1]
        return int(written), int(lost), int(causes[books.CAUSES.index("queue")])

    def send(self, capture, count, burst=2000):
        """Never more than fits in the ring, so that the disk alone can be a reason for losses."""
        with self.pair.sender() as sender:
            for _ in range(0, count, burst):
                for number in range(self.sent, self.sent + burst):
                    sender.send(frame(number))
                self.sent += burst
                harness.wait_until(lambda: capture.has_ended() or sum(self.count(capture)[:2]) >= self.sent,
                                   f"the capture to see frame {self.sent}")
                if capture.has_ended():
                    return

    def flood(self, count):
        """Sends frames in a thread, as fast as it can."""
        def send():
            with self.pair.sender() as sender:
                for number in range(self.sent, self.sent + count):
                    sender.send(frame(number))
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def check_all(self, paths, first=0):
        """Each frame that was sent is in the files once, byte for byte and in order."""
        number = first
        for path in paths:
            for data in packets_of(path):
                self.assertEqual(data, frame(number), f"packet {number} in {path}")
                number += 1
        self.assertEqual(number, self.sent)

    def check_some(self, paths):
        """Some are missing; the number of those that are there."""
        last, packets = -1, 0
        for data in (data for path in paths for data in packets_of(path)):
            number, = struct.unpack_from(">I", data, 14)
            self.assertEqual(data, frame(number))
            self.assertGreater(number, last)
            last, packets = number, packets + 1
        return packets

    def finish(self, capture, status=0):
        capture.signal()
        self.assertEqual(capture.wait(), status, capture.text())

    def causes(self, capture):
        """{cause: frames} of the closing summary."""
        _, (count,) = books.last_summary(capture.stderr().decode())
        return {cause: n for cause, n in zip(books.CAUSES, count.causes) if n}
