#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Steps of the system clock, which are possible only in a virtual machine of our own."""
import glob
import signal
import time

import harness
from captures import Capture
from program import Case


class Machine(Case):
    def setUp(self):
        if not harness.OWN_MACHINE:
            self.skipTest("this machine is not ours")
        super().setUp()

    def test_clock_is_set_back(self):
        """Frames stay in order, no file is replaced, and earlier files do not expire. Time never goes back
        in a file, and is right in the next one."""
        capture = self.start("-b", "packets:100", "-b", "duration:1h", "--max-age", "1d", "-Q", "in",
                             file="cap.pcapng")
        sent, right = [], []  # right: the time as the frames of each file were sent
        self.addCleanup(time.clock_settime, time.CLOCK_REALTIME, time.time())
        for step in (-3600, 0, 7200, -86400, 0):
            if step:  # else a pause between the two calls would set it back
                time.clock_settime(time.CLOCK_REALTIME, time.time() + step)
            time.sleep(0.2)  # a step goes unnoticed for a tenth of a second
            right.append(time.time())
            sent += self.pair.send(7, 100 + len(sent))
            harness.wait_until(lambda: self.in_part() == 7, "frames")
            capture.signal(signal.SIGHUP)
            harness.wait_until(lambda: self.in_part() == 0, "a new file")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        names = sorted(glob.glob(self.path("cap_*.pcapng")))  # the number comes first
        files = [Capture(name) for name in names]
        self.assertEqual([packet.data for file in files for packet in file.packets], sent)
        for file, ahead, begun in zip(files, (3600, 0, 0, 86400, 0), right):
            times = [packet.ts_ns / 1e9 for packet in file.packets]
            self.assertEqual(times, sorted(times))
            self.assertLess(abs(times[0] - begun - ahead), harness.DEADLINE)
        for number, words in ((0, "3600.0"), (1, "before this file"), (3, "86400.0"), (4, "before this file")):
            self.assertIn(words, str(files[number].statistics[0].options))
        self.assertEqual(capture.stderr().count(b"the system clock was set back by"), 2)

    def test_interval_after_the_clock_was_set_back(self):
        """The next file begins at the next multiple, without waiting for the clock to catch up."""
        capture = self.start("-b", "interval:2", "-Q", "in", file="cap.pcapng")
        self.addCleanup(time.clock_settime, time.CLOCK_REALTIME, time.time())
        time.clock_settime(time.CLOCK_REALTIME, time.time() - 3600)
        for _ in range(3):
            before = len(glob.glob(self.path("cap_*.pcapng")))
            self.pair.send(1)
            harness.wait_until(lambda: len(glob.glob(self.path("cap_*.pcapng"))) > before, "a new file")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())


if __name__ == "__main__":
    harness.main()
