#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whatever ends a capture, and whatever its state: it exits soon, with status 0, after a complete block, and
leaves nothing on the interface."""
import os
import signal
import threading

import harness
import net
from captures import Capture, whole_blocks
from program import XDPTAP, Case, Extcap

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ISB = 5


class Flood:
    """Sends frames until the with statement ends."""

    def __init__(self, pair, size=1000):
        self.sender, self.frame, self.is_over = pair.sender(), net.frame(size), False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over:
            try:
                self.sender.send(self.frame)
            except OSError:  # no buffer space
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        self.sender.close()


class Fifo(Case):
    def assert_ended(self, extcap, status=0):
        self.assertEqual(extcap.wait(harness.SOON), status, extcap.text())
        self.assertEqual((extcap.stdout(), extcap.stderr()), (b"", b""))
        self.assert_free()

    def for_each_signal(self, prepare, check):
        """Calls prepare(), sends the signal, calls check()."""
        for number in SIGNALS:
            with self.subTest(number.name), self.extcap() as extcap:
                prepare(extcap)
                extcap.signal(number)
                check(extcap)
                os.unlink(extcap.fifo)

    def test_before_a_reader(self):
        def wait_asleep(extcap):
            harness.wait_until(lambda: net.stat(extcap.pid).name == "xdptap", "the program")
            harness.wait_until(lambda: net.catches(extcap.pid, signal.SIGTERM), "its handlers")

        self.for_each_signal(wait_asleep, self.assert_ended)

    def test_idle(self):
        def check(extcap):
            self.assertEqual(extcap.read_rest(harness.SOON), 0)
            self.assert_ended(extcap)
            self.assertEqual([b.name for b in Capture(extcap.stream).blocks], ["SHB", "IDB", "ISB"])

        self.for_each_signal(Extcap.open, check)

    def fill(self, extcap):
        """Fills the pipe and leaves more frames waiting."""
        extcap.connect()
        self.wait_attached()
        with Flood(self.pair):
            harness.wait_until(lambda: net.readable(extcap.reader) >= 1 << 16 and
                               net.is_constant(lambda: net.readable(extcap.reader)), "a full pipe")

    def test_reader_was_slow(self):
        """The reader resumes when the capture ends, as dumpcap does: the stream is complete."""
        def check(extcap):
            self.assertEqual(extcap.read_rest(harness.SOON), 0)
            self.assert_ended(extcap)
            capture = Capture(extcap.stream)
            counters = capture.counters()
            self.assertGreater(counters["osdrop"], 0)
            self.assertEqual(counters["usrdeliv"], len(capture.packets))
            self.assertEqual(counters["filteraccept"], counters["usrdeliv"] + counters["osdrop"])

        self.for_each_signal(self.fill, check)

    def test_reader_does_not_read(self):
        """Nothing waits for the reader. The pipe holds complete blocks, except that the last one may be cut short;
        Wireshark drops such a block."""
        def check(extcap):
            self.assert_ended(extcap)
            while extcap.read():
                pass
            blocks, rest = whole_blocks(extcap.stream)
            self.assertGreater(len(blocks), 50)
            Capture(extcap.stream[:len(extcap.stream) - rest])

        self.for_each_signal(self.fill, check)

    def test_under_load(self):
        for number in SIGNALS:
            with self.subTest(number.name), self.extcap() as extcap, Flood(self.pair):
                extcap.open()
                extcap.wait_blocks(1000)
                extcap.signal(number)
                self.assertEqual(extcap.read_rest(harness.SOON), 0)
                self.assert_ended(extcap)
                capture = Capture(extcap.stream)
                counters = capture.counters()
                self.assertEqual(counters["usrdeliv"], len(capture.packets))
                self.assertEqual(counters["filteraccept"],
                                 counters["usrdeliv"] + counters["osdrop"])
                os.unlink(extcap.fifo)

    def test_reader_leaves_idle(self):
        extcap = self.extcap()
        extcap.open()
        self.wait_attached()
        extcap.close()
        self.assert_ended(extcap)

    def test_reader_leaves_under_load(self):
        extcap = self.extcap()
        with Flood(self.pair):
            extcap.open()
            extcap.wait_blocks(1000)
            extcap.close()
            self.assert_ended(extcap)

    def test_reader_leaves_a_full_pipe(self):
        extcap = self.extcap()
        extcap.connect()
        self.wait_attached()
        with Flood(self.pair):
            harness.wait_until(lambda: net.readable(extcap.reader) >= 1 << 16, "much in the pipe")
        extcap.close()
        self.assert_ended(extcap)

    def test_parent_is_killed(self):
        """Both before and after a reader has come."""
        for has_reader in (False, True):
            fifo = self.path(f"fifo-{has_reader}")
            os.mkfifo(fifo)
            command = f"\"{XDPTAP}\" --capture --extcap-interface xdptap-near --fifo {fifo} & echo $!; wait"
            with net.Process(["sh", "-c", command], self.pair.near) as parent:
                pid = int(harness.wait_until(parent.stdout, "the child"))
                harness.wait_until(lambda: net.catches(pid, signal.SIGTERM), "its handlers")
                if has_reader:
                    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
                    self.addCleanup(os.close, reader)
                    self.wait_attached()
                parent.signal(signal.SIGKILL)
                self.assert_gone(pid)
                self.assert_free()

    def test_killed(self):
        extcap = self.extcap()
        extcap.open()
        self.wait_attached()
        with Flood(self.pair):
            extcap.wait_blocks(100)
            objects = net.bpf_objects(extcap.pid)
            extcap.signal(signal.SIGKILL)
            extcap.wait()
        self.assert_free()
        if net.has_tcx():
            self.assert_unloaded(objects)
        self.assertEqual(self.start().finish().packets, [])
        self.assert_unloaded(objects)  # before Linux 6.6, that requires another capture


class Standalone(Case):
    def test_signals(self):
        for number in SIGNALS:
            with self.subTest(number.name):
                capture = self.start(file=number.name)
                self.pair.send(1)
                capture.wait_packets(1)
                capture.signal(number)
                self.assertEqual(capture.wait(harness.SOON), 0)
                self.assertEqual(len(Capture(capture.file).packets), 1)
                self.assert_free()

    def test_under_load(self):
        capture = self.start()
        with Flood(self.pair):
            capture.wait_packets(5000)
            capture.signal()
            self.assertEqual(capture.wait(harness.SOON), 0)
        finished = Capture(capture.file)
        self.assertEqual(finished.counters()["usrdeliv"], len(finished.packets))
        self.assertEqual(finished.blocks[-1].type, ISB)
        self.assert_free()

    def test_what_was_seen_is_written(self):
        """Stopped right after sending: every frame before the signal is in the file."""
        capture = self.start()
        sent = self.pair.send(1000, 200)
        capture.signal()
        self.assertEqual(capture.wait(harness.SOON), 0)
        self.assertEqual(Capture(capture.file).data(), sent)

    def test_pipe_is_closed(self):
        """As with "xdptap -w - | head"."""
        for is_busy in (False, True):
            reader, writer = os.pipe()
            with net.Process([XDPTAP, "-i", "near", "-w", "-"], self.pair.near,
                             stdout=writer) as process:
                os.close(writer)
                process.wait_for("Capturing on")
                if is_busy:
                    with Flood(self.pair):
                        harness.wait_until(lambda: net.readable(reader) > 10000, "a stream")
                        os.close(reader)
                        self.assertEqual(process.wait(harness.SOON), 0)
                else:
                    os.close(reader)
                    self.assertEqual(process.wait(harness.SOON), 0)
            self.assert_free()

    def test_pipe_is_not_read(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with net.Process([XDPTAP, "-i", "near", "-w", "-"], self.pair.near, stdout=writer) as process:
            os.close(writer)
            process.wait_for("Capturing on")
            with Flood(self.pair):
                harness.wait_until(lambda: net.readable(reader) >= 60000, "a full pipe")
            process.signal()
            self.assertEqual(process.wait(harness.SOON), 0)
        self.assert_free()


if __name__ == "__main__":
    harness.main()
