#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures on -i any, and in another network namespace (--netns)."""
import os

import harness
import net
import toolbar
from captures import Capture
from program import XDPTAP, Case, xdptap
from toolbar import FILTER, LOG, Toolbar


class Any(Case):
    def test_any(self):
        """Each interface that is up has its own interface description block in the stream."""
        self.pair.add("near2", "far2")
        self.pair.near.ip("link", "add", "down0", "type", "bridge")
        capture = self.start(interface="any")
        self.pair.send(1, 100)
        capture.wait_packets(1)
        self.pair.send(1, 200, "far2")
        capture.wait_packets(2)
        finished = capture.finish()
        names = [i.option("if_name") for i in finished.interfaces]
        self.assertEqual(set(names), {"lo", "near", "near2"})
        self.assertEqual([(names[p["interface"]], p["len"]) for p in finished.named("EPB")],
                         [("near", 100), ("near2", 200)])
        self.assertEqual(sorted(s["interface"] for s in finished.statistics), [0, 1, 2])
        for interface in ("near", "near2"):
            self.assert_free(interface)

    def test_joins_at_tc(self):
        """Where the capture has given up its privileges, and old kernels need more than newer ones."""
        capture = self.start("--point", "tc", interface="any")
        self.pair.add("near2", "far2")

        def has_joined():
            self.pair.send(1, 100, "far2")
            with open(capture.file, "rb") as file:
                return b"near2" in file.read()
        harness.wait_until(has_joined, "near2")
        received, sent = self.pair.send(2, 200, "far2"), self.pair.send(3, 300, "near2")

        def has_all():
            with open(capture.file, "rb") as file:
                return file.read().count(sent[-1][14:]) == 1
        harness.wait_until(has_all, "the last frame")
        finished = capture.finish()
        names = [i.option("if_name") for i in finished.interfaces]
        self.assertEqual([b["data"] for b in finished.named("EPB")
                          if names[b["interface"]] == "near2" and b["len"] > 100], received + sent)

    def test_loopback_once(self):
        """lo receives what it sends, but each frame is captured once."""
        capture = self.start(interface="lo")
        self.pair.near.ping("127.0.0.1", 2)
        capture.wait_packets(4)
        self.assertEqual(len(capture.finish().packets), 4)

    def test_in_wireshark(self):
        extcap = self.extcap(interface="any")
        extcap.open()
        self.pair.send(2)
        extcap.wait_blocks(1 + 2 + 2)
        self.assertEqual(len(extcap.finish().packets), 2)


class Netns(Case):
    def capture(self, namespace):
        """Starts outside: only the program itself enters the namespace."""
        file = self.path("out.pcapng")
        with net.Process([XDPTAP, "-i", "near", "--netns", namespace, "-w", file]) as process:
            process.wait_for("Capturing on 'near'")
            self.assertIsNotNone(self.pair.near.xdp())
            sent = self.pair.send(3)
            process.signal()
            self.assertEqual(process.wait(), 0, process.text())
        self.assertEqual(Capture(file).data(), sent)
        self.assert_free()

    def test_name(self):
        self.capture(self.pair.near.name)

    def test_path(self):
        self.capture(f"/run/netns/{self.pair.near.name}")

    def test_process(self):
        with net.Process(["sleep", "60"], self.pair.near) as process:
            harness.wait_until(lambda: net.stat(process.pid).name == "sleep", "a process inside")
            self.capture(str(process.pid))

    def test_wrong(self):
        for wrong in ("none-of-these", "/nowhere", "/dev/null", "999999999", "-1"):
            with self.subTest(wrong):
                status, _, err = xdptap("-i", "near", f"--netns={wrong}", "-w", self.path("x"))
                self.assertNotEqual(status, 0)
                self.assert_sentence(err, wrong)
        self.assertFalse(os.path.exists(self.path("x")))

    def test_interface_is_not_there(self):
        status, _, err = xdptap("-i", "none0", "--netns", self.pair.near.name, "-w", self.path("x"))
        self.assertEqual(status, 1)
        self.assert_sentence(err, "none0")


class HostNames(Case):
    """They are looked up where xdptap starts, and never inside the namespace that it enters."""

    def test_looked_up_once(self):
        """The filter is compiled again for the tun device, inside, with the address that is known by then."""
        try:
            self.addCleanup(os.close, self.pair.near.inside(net.open_tun))
        except OSError as error:
            self.skipTest(f"this kernel has no tun: {error}")
        self.pair.near.ip("link", "set", "t0", "up")
        with net.Process([XDPTAP, "-i", "t0", "--netns", self.pair.near.name, "-f", "host localhost", "-w",
                          self.path("out.pcapng")]) as process:
            process.wait_for("Capturing on 't0'")
            process.signal()
            self.assertEqual(process.wait(), 0, process.text())

    def test_toolbar(self):
        """A new name is refused with a sentence, and an address is not."""
        bar = Toolbar(self.folder)
        self.addCleanup(bar.close)
        extcap = self.extcap(*bar.options, "--netns", self.pair.far.name, interface="far")
        bar.open()
        extcap.open()
        bar.set(FILTER, "host localhost")
        harness.wait_until(lambda: [payload for _, _, payload in bar.read()
                                    if b"in another network namespace, give its address" in payload], "the sentence")
        bar.set(FILTER, "host 127.0.0.1")
        bar.wait_text(toolbar.ADD, "in effect", LOG)
        extcap.finish()


if __name__ == "__main__":
    harness.main()
