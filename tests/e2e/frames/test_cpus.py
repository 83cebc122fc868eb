#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPUs that come online and go offline while a capture runs."""
import os
import unittest

import harness
from harness import OWN_MACHINE, wait_until
from program import Case

ONLINE = "/sys/devices/system/cpu/cpu1/online"


def set_online(is_online):
    with open(ONLINE, "w", encoding="ascii") as file:
        file.write("01"[is_online])


class Cpus(Case):
    def setUp(self):
        super().setUp()
        if not OWN_MACHINE:
            raise unittest.SkipTest("this machine has users who need its CPUs")
        if not os.path.exists(ONLINE):
            raise unittest.SkipTest("this machine has no CPU that can go offline")
        self.addCleanup(set_online, True)

    def send_on(self, cpu, count, size):
        """A veth pair receives on the CPU that sends."""
        self.addCleanup(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpu})
        return self.pair.send(count, size)

    def wait_for(self, path, words):
        def is_there():
            with open(path, encoding="utf-8") as file:
                return words in file.read()
        wait_until(is_there, f"\"{words}\" in {path}")

    def test_comes(self):
        """It shares a ring for a moment, then has its own. No frame is lost and their order is right."""
        set_online(False)
        log = self.path("log")
        capture = self.start("--point", "xdp", "--log-file", log, "--log-level", "info")
        frames = self.send_on(0, 5, 100)
        set_online(True)
        frames += self.send_on(1, 5, 200)
        self.wait_for(log, "a CPU that came online has its own ring buffer")
        frames += self.send_on(0, 5, 300)
        frames += self.send_on(1, 5, 400)
        capture.wait_packets(20)
        self.assertEqual(capture.finish().data(), frames)

    def test_goes(self):
        """What its ring holds is captured, and it goes on when it is back."""
        capture = self.start("--point", "xdp")
        frames = self.send_on(1, 5, 100)
        os.sched_setaffinity(0, {0})
        set_online(False)
        frames += self.send_on(0, 5, 200)
        set_online(True)
        frames += self.send_on(1, 5, 300)
        capture.wait_packets(15)
        self.assertEqual(capture.finish().data(), frames)


if __name__ == "__main__":
    harness.main()
