#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dumpcap passes the stream in the FIFO through unchanged, and can split it into files."""
import glob
import os
import sys

import harness
import net
from captures import Capture, whole_blocks
from program import Case

LONGEST_BLOCK = 262144  # a longer block ends the capture in dumpcap 4.0
LONGEST_HEAD = 1024     # of the SHB: above 2048 bytes, dumpcap 4.0 crashes


class Stream(Case):
    mtu = 9000

    def capture(self, sizes):
        """Returns the stream of a complete capture."""
        extcap = self.extcap()
        extcap.open()
        self.pair.send_all(net.frame(size, number) for number, size in enumerate(sizes))
        extcap.wait_blocks(2 + len(sizes))
        extcap.finish()
        return extcap.stream

    def dumpcap(self, stream, *options):
        """Feeds a stream to dumpcap as the extcap does."""
        fifo = self.path("dumpcap")
        os.mkfifo(fifo)
        with net.Process(["dumpcap", "-q", "-i", fifo, "-w", self.path("out.pcapng"), *options]) as p:
            with open(fifo, "wb") as writer:
                writer.write(stream)
            self.assertEqual(p.wait(), 0, p.text())

    def test_passes_dumpcap(self):
        sizes = [14, 15, 16, 17, 60, 1514, 4096, 9014] * 4
        stream = self.capture(sizes)
        self.dumpcap(stream)
        with open(self.path("out.pcapng"), "rb") as file:
            self.assertEqual(file.read(), stream)
        blocks = Capture(stream).blocks
        self.assertLessEqual(blocks[0].length, LONGEST_HEAD)
        self.assertTrue(all(block.length <= LONGEST_BLOCK for block in blocks))
        self.assertEqual(blocks[0].order, "<" if sys.byteorder == "little" else ">")

    def test_cut_into_files(self):
        sizes = [100] * 500
        self.dumpcap(self.capture(sizes), "-b", "packets:100")
        files = sorted(glob.glob(self.path("out_*.pcapng")))
        self.assertGreaterEqual(len(files), 5)
        data = []
        for file in files:
            capture = Capture(file)
            self.assertEqual([i.option("if_name") for i in capture.interfaces], ["near"])
            data += capture.data()
        self.assertEqual(data, [net.frame(100, number) for number in range(500)])

    def test_live(self):
        """dumpcap reads the FIFO and stops at its packet count: it has its packets, and xdptap exits."""
        extcap = self.extcap()
        with net.Process(["dumpcap", "-q", "-i", extcap.fifo, "-w", self.path("out.pcapng"), "-c",
                          "50"]) as dumpcap:
            self.wait_attached()
            self.pair.send(100, 500)
            self.assertEqual(dumpcap.wait(), 0, dumpcap.text())
        self.assertEqual(extcap.wait(harness.SOON), 0)
        self.assertEqual(extcap.stderr(), b"")
        self.assert_free()
        self.assertEqual(Capture(self.path("out.pcapng")).data(),
                         [net.frame(500, number) for number in range(50)])

    def test_end_is_read(self):
        """Wireshark stops dumpcap when xdptap is gone: it stays until all is read, frames and counters."""
        extcap = self.extcap()
        extcap.open()
        sent = self.pair.send(100, 1000)
        extcap.wait_written(100 * 1000)
        extcap.signal()
        while not extcap.has_ended():
            if extcap.unread():
                extcap.received += os.read(extcap.reader, 4096)
        self.assertEqual(extcap.unread(), 0)
        capture = Capture(extcap.stream)
        self.assertEqual(capture.data(), sent)
        self.assertEqual(capture.counters()["ifrecv"], 100)

    def test_end_is_not_read(self):
        """It stays no longer than a moment if nobody reads."""
        extcap = self.extcap()
        extcap.open()
        self.pair.send(100, 1000)
        extcap.wait_written(100 * 1000)
        extcap.signal()
        self.assertEqual(extcap.wait(harness.SOON), 0)
        self.assert_free()

    def test_is_live(self):
        """A packet is delivered without waiting for the next one or for the end of the capture."""
        extcap = self.extcap()
        extcap.open()
        with self.pair.sender() as sender:
            for number in range(5):
                sender.send(net.frame(100, number))
                extcap.wait_blocks(3 + number)
                self.assertEqual(whole_blocks(extcap.stream)[1], 0)


class Options(Case):
    """What Wireshark may pass, in any order and any spelling."""

    def capture(self, *options, packets=2):
        extcap = self.extcap(*options)
        extcap.open()
        self.pair.send(packets, 200)
        extcap.wait_blocks(2 + packets)
        capture = extcap.finish()
        os.unlink(extcap.fifo)
        return capture

    def lengths(self, *options):
        return [len(data) for data in self.capture(*options).data()]

    def test_spellings(self):
        self.assertEqual(self.lengths("--snaplen", "64"), [64, 64])
        self.assertEqual(self.lengths("--snaplen=64"), [64, 64])
        self.assertEqual(self.lengths("--snaplen", "64", "--snaplen", "70"), [70, 70])
        self.assertEqual(self.lengths("true", "--snaplen", "64", "true"), [64, 64])
        self.assertEqual(self.lengths("--mode", "generic", "--snaplen", "64", "--buffer-size", "1"),
                         [64, 64])

    def test_options_of_later_wiresharks(self):
        """Unknown options are no reason to fail."""
        for unknown in (["--extcap-version=4.6"], ["--extcap-new", "value"], ["--something=else"],
                        ["--flag"], ["--some-thing", "else"]):
            with self.subTest(unknown):
                self.assertEqual(self.lengths("--snaplen", "64", *unknown), [64, 64])
                self.assertEqual(self.lengths(*unknown, "--snaplen", "64"), [64, 64])

    def test_head_comes_first(self):
        """The header comes before any packet, so that stopping is never an error."""
        extcap = self.extcap()
        extcap.open()
        self.assertEqual([b.name for b in Capture(extcap.stream).blocks], ["SHB", "IDB"])


if __name__ == "__main__":
    harness.main()
