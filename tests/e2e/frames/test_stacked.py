#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""XDP programs on devices above and below the captured one: the kernel allows one in a stack of devices."""
import os

import harness
from program import Case, xdptap


class Stacked(Case):
    def add(self, *arguments):
        """Adds a device in the namespace of near."""
        try:
            self.pair.near.ip("link", "add", *arguments)
        except RuntimeError as error:
            if "Unknown device type" in str(error) or "not supported" in str(error):
                self.skipTest(f"this kernel has no {arguments[arguments.index('type') + 1]}")
            raise

    def check(self, interface, device, words, tail=""):
        """No place for an XDP program: --point xdp says why, and left to choose, we capture at tc."""
        number = str(self.pair.near.xdp(device)["prog"]["id"])
        for options in (("--point", "xdp"), ("--mode", "generic", "--point", "xdp")):
            status, _, err = xdptap("-i", interface, "-w", self.path("x"), *options,
                                    namespace=self.pair.near)
            self.assertEqual(status, 1)
            self.assert_sentence(err, f'{words} has XDP program {number} "somebody"', "--point auto")
        capture = self.start("-Q", "in", interface=interface)
        self.assert_sentence(
            capture.stderr().splitlines(keepends=True)[0],
            f'{words} has XDP program {number} "somebody", so "{interface}" can have none: '
            f"capturing received frames at tc{tail}\n")
        sent = self.pair.send(5)
        capture.wait_packets(5)
        self.assertEqual(capture.finish().data(), sent)
        self.assertEqual(str(self.pair.near.xdp(device)["prog"]["id"]), number)

    def test_bridge(self):
        self.add("br0", "type", "bridge")
        self.pair.near.ip("link", "set", "near", "master", "br0")
        self.pair.near.ip("link", "set", "br0", "up")
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "br0", "xdpgeneric")
        self.check("near", "br0", '"br0", which "near" belongs to,')

    def test_macvlan(self):
        self.add("link", "near", "name", "mv0", "type", "macvlan")
        self.pair.near.ip("link", "set", "mv0", "up")
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "mv0", "xdpgeneric")
        self.check("near", "mv0", '"mv0", which is stacked on "near",')

    def bond(self):
        self.add("bond0", "type", "bond", "mode", "active-backup")
        self.pair.near.ip("link", "set", "near", "down")
        self.pair.near.ip("link", "set", "near", "master", "bond0")
        self.pair.near.ip("link", "set", "bond0", "up")

    def test_bond(self):
        """Its native program runs on its ports."""
        self.bond()
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "bond0", "xdpdrv")
        self.check("near", "bond0", '"bond0", which "near" belongs to,',
                   ", without those that it drops or redirects")

    def test_port_of_a_bond(self):
        """A program that was there when the port joined the bond."""
        self.bond()
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "near", "xdpdrv")
        status, _, err = xdptap("-i", "bond0", "-w", self.path("x"), "--point", "xdp", "--mode",
                                "native", namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, '"near", a port of "bond0", has XDP program')

    def test_peer_is_no_obstacle(self):
        """The other end of a veth pair, and a device on top without a program."""
        self.add("other", "type", "veth", "peer", "name", "end")
        self.add("link", "end", "name", "mv0", "type", "macvlan")
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "other")
        self.pair.near.ip("link", "set", "other", "up")
        self.pair.near.ip("link", "set", "end", "up")
        capture = self.start("-Q", "in", interface="end")
        self.assertIsNotNone(self.pair.near.xdp("end"))
        self.assertNotIn(b"so \"end\"", capture.stderr())
        capture.finish()


if __name__ == "__main__":
    harness.main()
