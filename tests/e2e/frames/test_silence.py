#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that run for no frame although the device receives some: it is told, and only then."""
import os
import socket
import struct
import threading

import harness
import net
from program import Case

TC_ACT_REDIRECT = 7  # include/uapi/linux/pkt_cls.h
TOLD = "receives frames, but"
DROPPED = bytes(12) + net.ETHERTYPE.to_bytes(2, "big") + bytes([1, 0, 0]) + bytes(43)  # by programs/decides.bpf.c


class Silence(Case):
    def sending(self, namespace, interface, frame=DROPPED):
        """Sends frames until the test ends."""
        sender = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, bind=(interface, 0))
        ending = threading.Event()

        def send():
            with sender:
                while not ending.wait(0.02):
                    sender.send(frame)
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ending.set)

    def redirect(self, target):
        """far sends frames that tc redirects from near to that device."""
        order = struct.pack("=iI", TC_ACT_REDIRECT, self.pair.near.link(target)["ifindex"])
        self.pair.near.run("tc", "qdisc", "add", "dev", "near", "clsact")
        self.pair.near.run("tc", "filter", "add", "dev", "near", "ingress", "bpf", "direct-action", "obj",
                           os.environ["TC_JUDGES"], "sec", "tc")
        self.sending(self.pair.far, "far", DROPPED[:14] + order + DROPPED[22:])

    def add(self, name, *kind):
        try:
            self.pair.near.ip("link", "add", name, "type", *kind)
        except RuntimeError as error:
            self.skipTest(f"this kernel has no {kind[0]}: {error}")
        self.pair.near.ip("link", "set", name, "up")

    def test_generic_mode(self):
        """The kernel runs no XDP program in generic mode for frames that tc redirected; tc sees them."""
        self.redirect("lo")
        capture = self.start("--mode", "generic", interface="lo")
        capture.wait_for(f'"lo" {TOLD} the xdp program there runs for none of them; use --point tc')
        self.assertEqual(capture.finish().packets, [])
        capture = self.start("--point", "tc", interface="lo")
        capture.wait_packets(10)
        capture.finish()

    def test_tc(self):
        """An XDP program drops all frames before tc."""
        self.pair.near.load_xdp(os.environ["XDP_DECIDES"], "lo", "xdpgeneric")
        self.sending(self.pair.near, "lo")
        capture = self.start("--point", "tc", interface="lo")
        capture.wait_for(f'"lo" {TOLD} the tc-ingress program there runs for none of them')
        self.assertEqual(capture.finish().packets, [])

    def test_filter(self):
        """A program whose filter rejects all frames does run."""
        self.sending(self.pair.near, "lo")
        self.check_not_told("lo", "-f", "arp")

    def test_bond(self):
        """It counts frames that an inactive port receives, which are not the bond's."""
        near = self.pair.near
        self.add("bond", "bond", "mode", "active-backup")
        for port in "active", "inactive":
            self.add(port, "veth", "peer", "name", f"{port}-peer")
            near.ip("link", "set", port, "down")
            near.ip("link", "set", port, "master", "bond")
            near.ip("link", "set", port, "up")
            near.ip("link", "set", f"{port}-peer", "up")
        near.ip("link", "set", "bond", "type", "bond", "active_slave", "active")
        self.sending(near, "inactive-peer", b"\xff" * 6 + DROPPED[6:])
        self.check_not_told("bond", "--mode", "generic")

    def test_ifb(self):
        """What it counts as received goes on as frames of the device that received them first."""
        self.add("ifb", "ifb")
        self.redirect("ifb")
        self.check_not_told("ifb", "--point", "tc", "-Q", "in")

    def received(self, interface):
        return self.pair.near.link(interface)["stats64"]["rx"]["packets"]

    def check_not_told(self, interface, *options):
        """The counters are compared after one second, after three, and at the end."""
        before = self.received(interface)
        capture = self.start("-a", "duration:5", *options, interface=interface)
        self.assertEqual(capture.wait(), 0)
        self.assertGreater(self.received(interface), before + 20)
        self.assertNotIn(TOLD, capture.text())
        self.assertEqual(capture.finish().packets, [])


if __name__ == "__main__":
    harness.main()
