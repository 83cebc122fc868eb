#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every loss is counted: frames sent = frames written + frames dropped."""
import os
import re
import signal

import harness
import net
from captures import Capture
from program import XDPTAP, Case

MIB = 1 << 20


class Loss(Case):
    mtu = 9000

    def flood(self, count, size=1000):
        """Frames that tell their place, prepared before so that they come fast, from one processor so
        that they are lost and counted in their order."""
        head, tail = net.frame(size)[:14], net.frame(size)[18:]
        frames = [head + number.to_bytes(4, "big") + tail for number in range(count)]
        processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(processors)})
        try:
            with self.pair.sender() as sender:
                for frame in frames:
                    sender.send(frame)
        finally:
            os.sched_setaffinity(0, processors)
        return frames

    def check(self, capture, sent):
        """The counters add up, and what was written is what was sent, in its order."""
        counters = capture.counters()
        self.assertEqual(counters["ifrecv"], len(sent))
        self.assertEqual(counters["filteraccept"], len(sent))
        self.assertEqual(counters["usrdeliv"], len(capture.packets))
        self.assertEqual(counters["usrdeliv"] + counters["osdrop"], len(sent))
        numbers = [int.from_bytes(data[14:18], "big") for data in capture.data()]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(capture.data(), [sent[number] for number in numbers])
        self.check_gaps(capture, numbers)
        return counters["osdrop"]

    def check_gaps(self, capture, numbers):
        """The first frame after a loss says how many are missing before it."""
        told = [packet.option("epb_dropcount") or 0 for packet in capture.named("EPB")]
        self.assertEqual(told, [this - last - 1 for last, this in zip([-1, *numbers], numbers)])

    def told(self, capture):
        """Losses by their cause, from the closing summary."""
        found = re.search(rb"'near': (\d+)/(\d+) \(ring:(\d+)/copy:(\d+)/invalid:(\d+)/queue:(\d+)/output:(\d+)\)",
                          capture.stderr())
        return [int(number) for number in found.groups()]

    def test_ring(self):
        """The reader sleeps through four times the ring's size."""
        for mode in ("native", "generic"):
            with self.subTest(mode):
                capture = self.start("-B", "1", "--mode", mode, file=mode)
                capture.signal(signal.SIGSTOP)
                sent = self.flood(8 * MIB // 1000)
                capture.signal(signal.SIGCONT)
                lost = self.check(capture.finish(), sent)
                self.assertGreater(lost, len(sent) // 4)
                self.assertLess(lost, len(sent))
                self.assertEqual(self.told(capture), [len(sent) - lost, lost, lost, 0, 0, 0, 0])

    def test_ring_of_large_frames(self):
        capture = self.start("-B", "1")
        capture.signal(signal.SIGSTOP)
        sent = self.flood(1000, 9014)
        capture.signal(signal.SIGCONT)
        self.assertGreater(self.check(capture.finish(), sent), 0)

    def test_recovery(self):
        """After a loss, every frame is captured again."""
        capture = self.start("-B", "1")
        capture.signal(signal.SIGSTOP)
        self.flood(4000)
        capture.signal(signal.SIGCONT)
        harness.wait_until(lambda: net.is_constant(lambda: os.path.getsize(capture.file)) and
                           os.path.getsize(capture.file) > 500000, "the ring's frames in the file")
        after = self.flood(200, 600)
        finished = capture.finish()
        self.assertEqual([data for data in finished.data() if len(data) == 600], after)
        counters = finished.counters()
        self.assertEqual(counters["usrdeliv"] + counters["osdrop"], 4200)
        gaps = [packet.option("epb_dropcount") or 0 for packet in finished.named("EPB")]
        self.assertEqual(sum(gaps), counters["osdrop"])
        self.assertEqual(gaps[-200], counters["osdrop"], "told by the first frame after it")

    def test_large_ring(self):
        """A ring with room for all frames loses none, however late its reader is."""
        capture = self.start("-B", "64")
        sent = self.flood(50000, 200)
        self.assertEqual(self.check(capture.finish(), sent), 0)

    def test_slow_reader(self):
        """With a full pipe the backlog is bounded and complete, and the rest is counted."""
        extcap = self.extcap("--buffer-size", "1")
        extcap.open()
        before = self.memory(extcap.pid)
        sent = self.flood(40000, 2000)
        self.assertLess(self.memory(extcap.pid) - before, 64 * MIB)
        self.assertGreater(self.check(extcap.finish(), sent), 0)

    def test_pipe_is_not_read(self):
        """The summary distinguishes losses at the output from losses in the ring."""
        reader, writer = os.pipe()
        with net.Process([XDPTAP, "-i", "near", "-w", "-"], self.pair.near, stdout=writer) as capture:
            os.close(writer)
            capture.wait_for("Capturing on")
            sent = self.flood(20000, 2000)
            capture.signal()
            with os.fdopen(reader, "rb") as file:
                finished = Capture(file.read())
            self.assertEqual(capture.wait(), 0)
            lost = self.check(finished, sent)
            written, dropped, ring, copy, invalid, queue, output = self.told(capture)
            self.assertEqual((written, dropped), (len(sent) - lost, lost))
            self.assertEqual(ring + copy + invalid + queue + output, lost)
            self.assertEqual(queue, 0)
            self.assertGreater(output, 0)

    def memory(self, pid):
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_large_writes(self):
        """Under load one write carries many frames; a single frame does not wait for others."""
        capture = self.start()
        self.flood(1)
        capture.wait_packets(1)
        capture.signal(signal.SIGSTOP)
        self.flood(2000)
        before = self.written(capture.pid)
        capture.signal(signal.SIGCONT)
        capture.wait_packets(2001)
        calls, size = (now - then for now, then in zip(self.written(capture.pid), before))
        self.assertGreater(size, 2000 * 1000)
        self.assertLessEqual(calls, 1 + size // 32768)
        capture.finish()

    def written(self, pid):
        """(calls, bytes) of its writes."""
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            values = dict(line.split(": ") for line in file.read().splitlines())
        return int(values["syscw"]), int(values["wchar"])


if __name__ == "__main__":
    harness.main()
