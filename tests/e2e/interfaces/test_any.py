#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""-i any: interfaces that appear, are renamed and go while the capture runs, and hundreds of them."""
import glob
import os
import resource
import socket
import subprocess

import harness
import net
import toolbar
from captures import Capture
from harness import wait_until
from net import Namespace
from program import Case
from toolbar import DIRECTION, FILTER, LOG, Toolbar

MANY = 130  # with 14 descriptors each, 121 interfaces were too many for the usual limit


def lower_limit():
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Any(Case):
    def start_any(self, *options, **process):
        self.log = self.path("log")
        return self.start("--log-file", self.log, "--log-level", "info", *options, interface="any", **process)

    def wait_log(self, words):
        def is_there():
            with open(self.log, encoding="utf-8") as file:
                return words in file.read()
        wait_until(is_there, f"\"{words}\" in the log")

    def add(self, name, far):
        """Adds a pair, and waits until both directions of the near end are captured."""
        self.pair.add(name, far)
        self.wait_log(f"{name}: received frames at ")

    def names_of(self, capture):
        """{name: the frames of the test there}, for each name in the file."""
        names = [i.option("if_name") for i in capture.interfaces]
        found = {name: [] for name in names}
        for packet in capture.named("EPB"):
            if net.is_ours(packet["data"]):
                found[names[packet["interface"]]].append(packet["data"])
        return found

    def test_appears(self):
        """It joins with both directions, and is as complete as those that were there before."""
        capture = self.start_any()
        first = self.pair.send(3, 100)
        self.add("near2", "far2")
        received = self.pair.send(4, 200, "far2")
        sent = self.pair.send(5, 300, "near2")
        capture.wait_packets(12)
        found = self.names_of(capture.finish())
        self.assertEqual(found["near"], first)
        self.assertEqual(found["near2"], received + sent)
        for interface in ("near", "near2"):
            self.assert_free(interface)

    def test_comes_up(self):
        """One that is down joins when it is up."""
        self.pair.add("near2", "far2")
        self.pair.near.ip("link", "set", "near2", "down")
        capture = self.start_any()
        self.pair.near.ip("link", "set", "near2", "up")
        self.wait_log("near2: received frames at ")
        frames = self.pair.send(3, 100, "far2")
        capture.wait_packets(3)
        self.assertEqual(self.names_of(capture.finish())["near2"], frames)

    def test_is_renamed(self):
        """Frames before that belong to the old name, those after it to the new one, and none is missed."""
        self.pair.add("near2", "far2")
        capture = self.start_any()
        before = self.pair.send(3, 100, "far2")
        self.pair.near.ip("link", "set", "near2", "down")
        self.pair.near.ip("link", "set", "near2", "name", "near3")
        self.wait_log("near2: renamed to near3")
        self.pair.near.ip("link", "set", "near3", "up")
        after = self.pair.send(3, 200, "far2")
        sent = self.pair.send(2, 300, "near3")
        capture.wait_packets(8)
        found = self.names_of(capture.finish())
        self.assertEqual((found["near2"], found["near3"]), (before, after + sent))
        self.assert_free("near3")

    def test_is_made_again(self):
        """A deleted one is closed; another of its name is another interface of the file."""
        capture = self.start_any()
        self.add("near2", "far2")
        before = self.pair.send(3, 100, "far2")
        capture.wait_packets(3)
        descriptors = len(os.listdir(f"/proc/{capture.pid}/fd"))
        self.pair.near.ip("link", "del", "near2")
        self.wait_log('interface "near2" was deleted')
        wait_until(lambda: len(os.listdir(f"/proc/{capture.pid}/fd")) < descriptors, "closed descriptors")
        os.truncate(self.log, 0)
        self.add("near2", "far2")
        after = self.pair.send(3, 200, "far2")
        capture.wait_packets(6)
        finished = capture.finish()
        self.assertEqual(self.names_of(finished)["near2"], before + after)
        self.assertEqual([i.option("if_name") for i in finished.interfaces].count("near2"), 2)

    def test_moves(self):
        """It joins when it moves into the namespace, and leaves with its frames when it moves out."""
        with Namespace() as other:
            self.pair.add("near2", "far2")
            self.pair.near.ip("link", "set", "near2", "netns", other.name)
            capture = self.start_any()
            other.ip("link", "set", "near2", "netns", self.pair.near.name)
            self.pair.near.ip("link", "set", "near2", "up")
            self.wait_log("near2: received frames at ")
            frames = self.pair.send(3, 100, "far2")
            capture.wait_packets(3)
            self.pair.near.ip("link", "set", "near2", "netns", other.name)
            self.wait_log('interface "near2" was deleted')
            other.ip("link", "set", "near2", "up")
            self.pair.send(3, 200, "far2")
            self.assertNotIn("xdp", other.link("near2"))
            here = self.pair.send(1, 100)
            capture.wait_packets(4)
            found = self.names_of(capture.finish())
        self.assertEqual((found["near"], found["near2"]), (here, frames))

    def test_all_go(self):
        """Without any interface it waits for the next one."""
        capture = self.start_any()
        self.pair.near.ip("link", "set", "lo", "down")
        self.pair.near.ip("link", "del", "near")
        self.wait_log('interface "near" was deleted')
        self.add("near2", "far2")
        frames = self.pair.send(3, 100, "far2")
        capture.wait_packets(3)
        self.assertEqual(self.names_of(capture.finish())["near2"], frames)

    def test_filter_and_direction(self):
        """Those of the command line apply to one that appears."""
        capture = self.start_any("-Q", "in", "-f", "greater 150")
        self.add("near2", "far2")
        self.pair.send(3, 100, "far2")
        self.pair.send(3, 300, "near2")
        frames = self.pair.send(3, 200, "far2")
        capture.wait_packets(3)
        finished = capture.finish()
        self.assertEqual(self.names_of(finished)["near2"], frames)
        joined, = [i for i in finished.interfaces if i.option("if_name") == "near2"]
        self.assertIn("greater 150", str(joined.option("if_filter")))

    def test_slow_filter(self):
        """libpcap needs seconds for this one. While it compiles it for a device with other frames, the rings are
        read."""
        hosts = " or ".join(f"host 10.{n // 250}.{n % 250}.9" for n in range(150))
        capture = self.start_any("-f", f"{hosts} or ether proto {net.ETHERTYPE}")
        try:
            tun = self.pair.near.inside(net.open_tun)
        except OSError as error:
            self.skipTest(f"this kernel has no tun: {error}")
        self.addCleanup(os.close, tun)
        threads = len(os.listdir(f"/proc/{capture.pid}/task"))
        self.pair.near.ip("link", "set", "t0", "up")
        wait_until(lambda: len(os.listdir(f"/proc/{capture.pid}/task")) > threads, "the compiler's thread")
        frames = self.pair.send(3, 100)
        capture.wait_packets(3)
        with open(self.log, encoding="utf-8") as file:
            self.assertNotIn("t0: received", file.read())
        self.wait_log("t0: received frames at ")
        self.assertEqual(self.names_of(capture.finish())["near"], frames)

    def test_toolbar(self):
        """So do those that the toolbar has set meanwhile."""
        bar = Toolbar(self.folder)
        self.addCleanup(bar.close)
        extcap = self.extcap(*bar.options, interface="any")
        bar.open()
        extcap.open()
        bar.set(FILTER, "greater 150")
        bar.wait_text(toolbar.ADD, "in effect", LOG)
        bar.set(DIRECTION, "in")
        wait_until(lambda: len([t for t in bar.texts(toolbar.ADD, LOG) if "in effect" in t]) > 1, "the direction")
        self.pair.add("near2", "far2")
        bar.wait_text(toolbar.ADD, "near2: received frames at ", LOG)
        self.pair.send(3, 100, "far2")
        self.pair.send(3, 300, "near2")
        frames = self.pair.send(3, 200, "far2")
        extcap.wait_blocks(1 + 3 + 3)
        self.assertEqual(self.names_of(extcap.finish())["near2"], frames)

    def test_rotated(self):
        """Each file describes the interfaces that there were until its end, and can be read alone."""
        capture = self.start_any("-b", "packets:4", file="set.pcapng")
        self.pair.send(4, 100)
        self.add("near2", "far2")
        frames = self.pair.send(10, 200, "far2")
        wait_until(lambda: len(self.finished()) > 2, "three files")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        files = [Capture(path) for path in self.finished()]
        for file in files[1:]:
            self.assertEqual({i.option("if_name") for i in file.interfaces}, {"lo", "near", "near2"})
        self.assertEqual(sum((self.names_of(file).get("near2", []) for file in files), []), frames)

    def finished(self):
        return sorted(glob.glob(self.path("set*.pcapng")))

    def test_many(self):
        """More than the usual limit of open files once had room for; each of them is captured."""
        for n in range(0, MANY, 2):
            self.pair.near.ip("link", "add", f"many{n}", "up", "type", "veth", "peer", "name", f"many{n + 1}")
            self.pair.near.ip("link", "set", f"many{n + 1}", "up")
        capture = self.start_any(preexec_fn=lower_limit)
        wait_until(lambda: self.count_joined() >= MANY + 2, f"{MANY + 2} interfaces", 4 * harness.DEADLINE)
        for n in (0, MANY // 2, MANY - 1):
            with self.pair.near.socket(socket.AF_PACKET, socket.SOCK_RAW, 0, bind=(f"many{n}", 0)) as sender:
                sender.send(net.frame(100, n))
        capture.wait_packets(6)
        found = self.names_of(capture.finish())
        for n in (0, MANY // 2, MANY - 1):
            self.assertEqual((found[f"many{n}"], found[f"many{n ^ 1}"]), 2 * ([net.frame(100, n)],))

    def count_joined(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().count(": received frames at ")


if __name__ == "__main__":
    harness.main()
