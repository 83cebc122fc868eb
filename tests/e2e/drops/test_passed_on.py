#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packets dropped on their way through or out: forwarded, bridged, filtered, queued, without a neighbor or a peer."""
import json
import os
import re
import socket

import harness
import net
from drops import OUTBOUND, DropCase, kernel, udp

N = 3


class Forwarded(DropCase):
    """near is a router between far and an interface "beyond"."""

    def setUp(self):
        super().setUp()
        self.pair.near.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.pair.add("near2", "beyond")
        self.pair.near.ip("addr", "add", "10.10.0.1/24", "dev", "near2")
        self.pair.near.ip("neigh", "add", "10.10.0.2", "lladdr", net.FAR_MAC, "dev", "near2")

    def check(self, frames, reason, *counters):
        before = self.counters(*counters)
        capture = self.capture()
        self.pair.send_all(frames)
        capture.wait_packets(len(frames))
        self.expect(self.read(capture.finish()), frames, reason)
        grown = [now - then for now, then in zip(self.counters(*counters), before)]
        self.assertEqual(grown, [len(frames)] * len(counters), counters)

    def test_time_to_live(self):
        self.check([udp(9000 + n, to="10.10.0.2", ttl=1) for n in range(N)], "IP_INHDR", "IpInHdrErrors")

    def test_no_route(self):
        self.check([udp(9000 + n, to="192.0.2.1") for n in range(N)], "IP_INNOROUTES", "IpExtInNoRoutes")

    def test_mtu(self):
        self.pair.near.ip("link", "set", "near2", "mtu", "600")
        self.check([udp(9000 + n, bytes(1000), to="10.10.0.2", fragment=0x4000) for n in range(N)], "PKT_TOO_BIG",
                   "IpFragFails")

    def test_firewall(self):
        """Before and after routing: the link-layer header that the packet came with is not the next one."""
        for hook, interface, cut, direction, caller in (("forward", "near", 0, 1, "ip_forward"),
                                                        ("postrouting", "near2:ip", 14, OUTBOUND, "ip_output")):
            with self.subTest(hook):
                self.pair.near.run("nft", f"add table ip {hook}; add chain ip {hook} c "
                                   f"{{ type filter hook {hook} priority 0; }}; "
                                   f"add rule ip {hook} c udp dport 9000-9010 counter drop")
                capture = self.capture("-f", "udp", interface="any", file=hook)  # nothing else ends the wait
                frames = [udp(9000 + n, to="10.10.0.2") for n in range(N)]
                self.pair.send_all(frames)
                capture.wait_packets(N)
                found = self.read(capture.finish())
                # The router has decremented the time to live.
                left = [udp(9000 + n, to="10.10.0.2", ttl=63)[cut:] for n in range(N)]
                self.expect(found, left, "NETFILTER_DROP", direction, interface)
                self.assertEqual({(d.callers[-1], "nf_hook_slow" in [d.function, *d.callers]) for d in found},
                                 {(caller, True)})
                text = self.pair.near.run("nft", "list", "table", "ip", hook)
                self.assertEqual(re.search(r"packets (\d+)", text)[1], str(N))
                self.pair.near.run("nft", f"delete table ip {hook}")


class Sent(DropCase):
    def local(self, address, count=N):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for n in range(count):
                sender.sendto(b"%d" % n, (address, 9000))

    def test_neighbor(self):
        """It has no link-layer header yet."""
        self.pair.near.write("/proc/sys/net/ipv4/neigh/near/retrans_time_ms", "10")
        self.pair.near.write("/proc/sys/net/ipv4/icmp_ratelimit", "0")
        before, = self.counters("IcmpOutDestUnreachs")
        capture = self.capture()
        self.local("10.9.0.77")
        capture.wait_packets(N)
        found = self.read(capture.finish())
        self.assertEqual([d.data[28:] for d in found], [b"%d" % n for n in range(N)])
        self.expect(found, [d.data for d in found], "NEIGH_FAILED", OUTBOUND, "near:ip")
        stats = self.pair.near.run("ip", "-s", "neigh", "show", "10.9.0.77")
        self.assertIn("FAILED", stats)
        self.assertEqual(self.counters("IcmpOutDestUnreachs"), [before + N])

    def test_queue(self):
        self.pair.near.run("tc", "qdisc", "add", "dev", "near", "root", "tbf", "rate", "8kbit", "burst", "100",
                           "limit", "200")
        capture = self.capture()
        self.local(net.FAR_IP, 20)
        dropped = self.drops_of("near", "tbf")
        self.assertGreater(dropped, 0)
        capture.wait_packets(dropped)
        found = self.read(capture.finish())
        self.assertEqual(self.drops_of("near", "tbf"), len(found))
        self.expect(found, [d.data for d in found], "QDISC_DROP", OUTBOUND)
        self.assertEqual({d.data[:12].hex(":") for d in found}, {net.FAR_MAC + ":" + net.NEAR_MAC})

    def drops_of(self, interface, kind):
        disciplines = json.loads(self.pair.near.run("tc", "-s", "-j", "qdisc", "show", "dev", interface))
        return sum(q["drops"] for q in disciplines if q["kind"] == kind)

    def test_program_at_tc(self):
        frames = [net.frame(60 + n, n) for n in range(N)]
        self.pair.near.run("tc", "qdisc", "add", "dev", "near", "clsact")
        self.pair.near.run("tc", "filter", "add", "dev", "near", "ingress", "bpf", "da", "obj",
                           os.environ["TC_SHOOT"], "sec", "tc")
        capture = self.capture()
        self.pair.send_all(frames)
        capture.wait_packets(N)
        self.expect(self.read(capture.finish()), frames, "TC_INGRESS")
        self.assertEqual(self.drops_of("near", "clsact"), N)

    def test_peer_is_down(self):
        """The carrier is gone: the kernel puts a queue there that accepts nothing."""
        self.pair.far.ip("link", "set", "far", "down")
        harness.wait_until(lambda: self.pair.near.link("near")["operstate"] != "UP", "the carrier to go")
        capture = self.capture()
        frames = [net.frame(60 + n, n) for n in range(N)]
        self.pair.send_all(frames, "near", carrier=False)
        capture.wait_packets(N)
        self.expect(self.read(capture.finish()), frames, "QDISC_DROP", OUTBOUND)
        counted = self.pair.near.link("near")["stats64"]["tx"]["dropped"]
        self.assertEqual(counted, N if kernel() >= (6, 12) else 0)  # older kernels do not count them there


class Bridged(DropCase):
    def test_port_is_blocked(self):
        self.pair.near.ip("link", "add", "bridge", "type", "bridge")
        self.pair.near.ip("link", "set", "bridge", "up")
        self.pair.near.ip("link", "set", "near", "master", "bridge")
        self.pair.near.run("bridge", "link", "set", "dev", "near", "state", "0")
        capture, before = self.capture(), self.received("near")
        frames = [net.frame(60 + n, n) for n in range(N)]
        self.pair.send_all(frames)
        capture.wait_packets(N)
        self.expect(self.read(capture.finish()), frames, "BRIDGE_INGRESS_STP_STATE")
        self.assertEqual((self.received("near") - before, self.received("bridge")), (N, 0))

    def received(self, interface):
        return self.pair.near.link(interface)["stats64"]["rx"]["packets"]

    def test_firewall_between_ports(self):
        """A bridge leaves the link-layer header as it is."""
        self.pair.add("near2", "beyond")
        self.pair.near.ip("addr", "flush", "dev", "near")
        self.pair.near.ip("link", "add", "bridge", "type", "bridge", "stp_state", "0")
        for name in ("near", "near2"):
            self.pair.near.ip("link", "set", name, "master", "bridge")
        self.pair.near.ip("link", "set", "bridge", "up")
        self.pair.near.run("nft", "add table bridge t; add chain bridge t c { type filter hook forward priority 0; }; "
                           "add rule bridge t c ether type 0x88b5 counter drop")
        frames = [bytes.fromhex("020000000009") + net.frame(60 + n, n)[6:] for n in range(N)]
        capture = self.capture(interface="any")
        self.pair.send_all(frames)
        capture.wait_packets(N)
        found = [d for d in self.read(capture.finish()) if d.interface != "bridge"]
        self.expect(found, frames, "NETFILTER_DROP", OUTBOUND, "near2")
        text = self.pair.near.run("nft", "list", "table", "bridge", "t")
        self.assertEqual(re.search(r"packets (\d+)", text)[1], str(N))


if __name__ == "__main__":
    harness.main()
