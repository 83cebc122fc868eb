#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An interface changes during a capture: the capture continues, or ends with complete output."""
import os
import random
import signal
import threading

import harness
import net
from captures import Capture
from program import Case

POINTS = {"native": ("--point", "xdp"), "generic": ("--mode", "generic"), "tc": ("--point", "tc")}


class Changes(Case):
    def survives(self, change, undo):
        """Frames before and after the change are captured, and nothing stays attached at the end."""
        for name, options in POINTS.items():
            with self.subTest(name):
                capture = self.start(*options, file=name)
                before = self.pair.send(3)
                capture.wait_packets(3)
                namespace, interface = change()
                after = self.pair.send(5)
                capture.wait_packets(8)
                self.assertEqual(capture.finish().data(), before + after)
                link = namespace.link(interface)
                self.assertNotIn("xdp", link)
                self.assertEqual(link["promiscuity"], 0)
                undo(namespace)
                self.assertEqual(self.pair.near.run("tc", "filter", "show", "dev", "near", "ingress"), "")

    def test_renamed(self):
        def rename():
            self.pair.near.ip("link", "set", "near", "down")
            self.pair.near.ip("link", "set", "near", "name", "other")
            self.pair.near.ip("link", "set", "other", "up")
            return self.pair.near, "other"

        def undo(_):
            self.pair.near.ip("link", "set", "other", "down")
            self.pair.near.ip("link", "set", "other", "name", "near", "up")
        self.survives(rename, undo)

    def test_moved(self):
        """The interface moves to another network namespace."""
        other = self.enterContext(net.Namespace())

        def move():
            self.pair.near.ip("link", "set", "near", "netns", other.name)
            other.ip("link", "set", "near", "up")
            return other, "near"

        if not net.has_tcx():
            self.skipTest("needs Linux 6.6: clsact does not move")
        def undo(_):
            other.ip("link", "set", "near", "netns", self.pair.near.name)
            self.pair.near.ip("link", "set", "near", "up")
        self.survives(move, undo)

    def test_namespace_is_deleted(self):
        """Interfaces vanish with their namespace: one error message, and all earlier frames are in the file."""
        capture = self.start("-Q", "both")
        sent = self.pair.send(3)
        capture.wait_packets(3)
        net.ip("netns", "del", self.pair.far.name)
        self.assertEqual(capture.wait(), 1)
        self.assertEqual([*map(len, Capture(capture.file).data())], [*map(len, sent)])
        self.assert_last_sentence(capture.stderr(), "near", "deleted")


class Stale(Case):
    def test_replaced(self):
        """Before Linux 6.6, the next capture removes what a killed one left."""
        for point in ("xdp", "tc"):
            capture = self.start("--point", point, file=point)
            objects = net.bpf_objects(capture.pid)
            capture.signal(signal.SIGKILL)
            capture.wait()
            self.assert_free()
            self.start("--point", point, file=point + "2").finish()
            self.assert_unloaded(objects)
            for way in "ingress", "egress":
                self.assertEqual(self.pair.near.run("tc", "filter", "show", "dev", "near", way), "")


class Load(Case):
    def senders(self, count):
        """Sends from both ends as fast as possible, each on its own CPU."""
        def send(interface, cpu):
            os.sched_setaffinity(0, {cpu})
            frame = net.frame(200)
            with self.pair.sender(interface) as sender:
                for _ in range(count):
                    sender.send(frame)
        cpus = sorted(os.sched_getaffinity(0))
        threads = [threading.Thread(target=send, args=("near", cpus[0])),
                   threading.Thread(target=send, args=("far", cpus[-1]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_order(self):
        """Two directions on two CPUs: times never go back, and every frame is captured once."""
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("needs two CPUs")
        capture = self.start("-B", "64")
        self.senders(30000)
        finished = capture.finish()
        times = [packet.ts_ns for packet in finished.packets]
        self.assertEqual(len(times), 60000)
        self.assertEqual(times, sorted(times))
        ways = [packet.option("epb_flags") & 3 for packet in finished.named("EPB")]
        # With a clock of 10 ns resolution, two CPUs may read the same time; one CPU does not.
        same = sum(this == last for last, this in zip(zip(times, ways), zip(times[1:], ways[1:])))
        self.assertLess(same, 10, "frames that came late were given the time of an earlier one")
        self.assertEqual((ways.count(1), ways.count(2)), (30000, 30000))
        changes = sum(this != last for last, this in zip(ways, ways[1:]))
        self.assertGreater(changes, 10, "the two were not at it at the same time")

    def test_killed(self):
        """Three times under load: no program, filter, qdisc or promiscuous mode remains."""
        for number in range(3):
            way = "both" if net.has_tcx() else "in"
            capture = self.start("-Q", way, file=str(number))
            load = threading.Thread(target=self.senders, args=(5000,))
            load.start()
            capture.wait_packets(random.Random(number).randrange(1, 5000))
            objects = net.bpf_objects(capture.pid)
            capture.signal(signal.SIGKILL)
            capture.wait()
            load.join()
            self.assert_free()
            self.assert_unloaded(objects)
            self.assertNotIn("clsact", self.pair.near.ip("link", "show", "near"))


if __name__ == "__main__":
    harness.main()
