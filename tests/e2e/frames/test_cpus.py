#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPUs that come online and go offline while a capture runs."""
import os
import unittest

import harness
import net
from harness import OWN_MACHINE, wait_until
from program import Case

ONLINE = "/sys/devices/system/cpu/cpu{}/online"


def set_online(is_online, cpu=1):
    with open(ONLINE.format(cpu), "w", encoding="ascii") as file:
        file.write("01"[is_online])


class Cpus(Case):
    def setUp(self):
        super().setUp()
        if not OWN_MACHINE:
            raise unittest.SkipTest("this machine has users who need its CPUs")
        if not os.path.exists(ONLINE.format(1)):
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


class Sparse(Case):
    """CPUs 0, 2 and 3 are online, and then others: each has a ring of its own, and there is no other one."""

    def setUp(self):
        super().setUp()
        if not OWN_MACHINE:
            raise unittest.SkipTest("this machine has users who need its CPUs")
        if os.cpu_count() < 4:
            raise unittest.SkipTest("this machine has fewer than four CPUs")
        self.addCleanup(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        for cpu in (1, 3):
            self.addCleanup(set_online, True, cpu)

    def send_on(self, *cpus, size):
        """A veth pair receives on the CPU that sends."""
        frames = []
        for cpu in cpus:
            os.sched_setaffinity(0, {cpu})
            frames += self.pair.send(3, size + cpu)
        os.sched_setaffinity(0, {0})
        return frames

    @staticmethod
    def count_rings(capture):
        maps = net.bpf_objects(capture.pid)["map"]
        return sum(m["id"] in maps and m.get("name") == "xdptap_ring" for m in net.bpftool("map", "list"))

    def test_sparse(self):
        set_online(False, 1)
        capture = self.start("--point", "xdp")
        self.assertEqual(self.count_rings(capture), 3)
        frames = self.send_on(0, 2, 3, size=100)
        set_online(False, 3)
        frames += self.send_on(2, 0, size=200)
        set_online(True, 1)
        frames += self.send_on(1, 2, 0, size=300)
        wait_until(lambda: self.count_rings(capture) == 4, "a ring for CPU 1")
        set_online(True, 3)
        frames += self.send_on(3, 1, 2, 0, size=400)
        capture.wait_packets(len(frames))
        self.assertEqual(self.count_rings(capture), 4)
        self.assertEqual(capture.finish().data(), frames)


if __name__ == "__main__":
    harness.main()
