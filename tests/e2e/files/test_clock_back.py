#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The system clock is set back during a capture; only the program under test sees that clock."""
import glob
import os
import re
import signal
import struct
import time

import harness
from captures import Capture
from program import Case

HOUR = 3600
AHEAD = "time stamps are up to 3600.000 s ahead: the clock was set back"
BEFORE = "before this file the clock was set back by 3600.000 s"
WARNING = b"the system clock was set back by 3600.000 s"
NOTICED = 0.2  # seconds after which a step is noticed


class ClockBack(Case):
    def setUp(self):
        super().setUp()
        self.offset = 0
        self.begun = time.time()
        self.set_back(0)
        self.env = dict(os.environ, LD_PRELOAD=os.environ["FAKE_CLOCK"],
                        FAKE_CLOCK_FILE=self.path("offset"), ASAN_OPTIONS="verify_asan_link_order=0")

    def set_back(self, seconds):
        self.offset -= seconds
        mode = "r+b" if os.path.exists(self.path("offset")) else "wb"
        with open(self.path("offset"), mode) as file:
            file.write(struct.pack("=q", self.offset * 10**9))
        time.sleep(NOTICED if seconds else 0)

    def send_into_part(self, count, total):
        self.pair.send(count)
        harness.wait_until(lambda: self.in_part() == total, "the frames")

    def hours_off(self, capture):
        """Of each packet: how many hours its time is before now, by this machine's clock."""
        times = [packet.ts_ns for packet in capture.packets]
        self.assertEqual(times, sorted(times))
        hours = []
        for ts_ns in times:
            hour = round((time.time() - ts_ns / 1e9) / HOUR)
            offset = time.time() - ts_ns / 1e9 - hour * HOUR
            self.assertTrue(-1 < offset < time.time() - self.begun + 1, offset)
            hours.append(hour)
        return hours

    def comments(self, capture):
        statistics, = capture.statistics
        fields = {option.name: option.value for option in statistics.options}
        self.assertLessEqual(fields["isb_starttime"], capture.packets[0].ts_ns)
        self.assertGreaterEqual(fields["isb_endtime"], capture.packets[-1].ts_ns)
        return [option.value for option in statistics.options if option.name == "opt_comment"]

    def finished(self):
        return [Capture(name) for name in sorted(glob.glob(self.path("cap_*.pcapng")))]

    def test_next_file(self):
        """By a signal: ahead until the file ends, true in the next one, whose name agrees with it."""
        capture = self.start("-b", "packets:100", "-Q", "in", file="cap.pcapng", env=self.env)
        self.send_into_part(3, 3)
        self.set_back(HOUR)
        self.send_into_part(3, 6)
        capture.signal(signal.SIGHUP)
        harness.wait_until(lambda: self.in_part() == 0, "a new file")
        self.send_into_part(4, 4)
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        first, second = self.finished()
        self.assertEqual([self.hours_off(first), self.hours_off(second)], [[0] * 6, [1] * 4])
        self.assertEqual([self.comments(first), self.comments(second)], [[AHEAD], [BEFORE]])
        self.assertEqual(capture.stderr().count(WARNING), 1)
        name = sorted(glob.glob(self.path("cap_*.pcapng")))[1]
        named = time.mktime(time.strptime(re.search(r"_(\d{14})\.", name)[1], "%Y%m%d%H%M%S"))
        self.assertLess(abs(named - second.packets[0].ts_ns / 1e9), 10)

    def test_limit(self):
        """By a limit, in the middle of a batch."""
        capture = self.start("-b", "packets:5", "-Q", "in", file="cap.pcapng", env=self.env)
        self.send_into_part(3, 3)
        self.set_back(HOUR)
        self.pair.send(9)
        harness.wait_until(lambda: len(glob.glob(self.path("cap_*.pcapng"))) == 2 and self.in_part() == 2,
                           "the frames")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        files = self.finished()
        self.assertEqual([self.hours_off(file) for file in files], [[0] * 5, [1] * 5, [1] * 2])
        self.assertEqual([self.comments(file) for file in files], [[AHEAD], [BEFORE], []])
        self.assertEqual(capture.stderr().count(WARNING), 1)

    def test_one_file(self):
        capture = self.start("-Q", "in", env=self.env)
        self.pair.send(3)
        capture.wait_packets(3)
        for total in (6, 9):
            self.set_back(HOUR)
            self.pair.send(3)
            capture.wait_packets(total)
        finished = capture.finish()
        self.assertEqual(self.hours_off(finished), [0] * 9)
        self.assertEqual(self.comments(finished), [AHEAD.replace("3600", "7200")])
        self.assertEqual(capture.stderr().count(WARNING), 2)

    def test_pipe(self):
        extcap = self.extcap("--direction", "in", env=self.env)
        extcap.open()
        self.wait_attached()
        self.pair.send(3)
        extcap.wait_blocks(5)
        self.set_back(HOUR)
        self.pair.send(3)
        extcap.wait_blocks(8)
        finished = extcap.finish()
        self.assertEqual(self.hours_off(finished), [0] * 6)
        self.assertEqual(self.comments(finished), [AHEAD])


if __name__ == "__main__":
    harness.main()
