#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Beside others that show drops, on the same traffic: what perf trace and dropwatch print is in the capture."""
import socket
import threading
from collections import Counter

import drops
import harness
import kerneltrace
import net
from drops import DropCase, ip4, tcp, udp

N = 5


class Beside(DropCase):
    def setUp(self):
        if not kerneltrace.has_tracefs():
            self.skipTest("this kernel has no tracefs")
        super().setUp()
        self.pair.near.write("/proc/sys/net/ipv4/ip_forward", "1")
        for name in ("all", "near"):
            self.pair.near.write(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "1")
        self.pair.near.run("nft", "add table ip t; add chain ip t c { type filter hook input priority 0; }; "
                           "add rule ip t c udp dport 9100-9199 drop")

    def captures(self):
        """Of both sides, since answers are dropped on the other one, and of all reasons."""
        return [self.start("--point", "drop", "--reason", ",".join(drops.reasons()), interface="any", file="near"),
                self.far_capture()]

    def far_capture(self):
        near, self.pair.near = self.pair.near, self.pair.far
        try:
            return self.start("--point", "drop", "--reason", ",".join(drops.reasons()), interface="any", file="far")
        finally:
            self.pair.near = near

    def causes(self, receiver):
        """{reason: frames}; the receiver's buffer is full."""
        return {
            "NO_SOCKET": [udp(9000 + n) for n in range(N)] + [tcp(9000, number=n) for n in range(N)],
            "UDP_CSUM": [udp(9000 + n, wrong=1) for n in range(N)],
            "TCP_CSUM": [tcp(9000, number=n, wrong=1) for n in range(N)],
            "IP_CSUM": [udp(9000 + n, header_wrong=1) for n in range(N)],
            "IP_NOPROTO": [ip4(bytes(20 + n), 200) for n in range(N)],
            "IP_RPFILTER": [udp(9000 + n, source="192.0.2.1") for n in range(N)],
            "IP_INHDR": [udp(9000 + n)[:14] + b"\x44" + udp(9000 + n)[15:] for n in range(N)],  # its length
            "NETFILTER_DROP": [udp(9100 + n) for n in range(N)],
            "SOCKET_RCVBUFF": [udp(receiver.getsockname()[1], bytes(300)) for n in range(20 * N)],
            "UNHANDLED_PROTO": [net.frame(60 + n, n) for n in range(N)],
        }

    def check(self, make_tracer):
        """Returns the events of which nothing is captured."""
        captures = self.captures()
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9300)) as receiver, \
                self.pair.sender() as sender, make_tracer(threading.get_native_id()) as tracer:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)

            def is_seen(reason, frames):
                """Where a kernel thread receives them, the events are not ours: then once more."""
                for frame in frames:
                    sender.send(frame)
                return any(e.reason == reason for e in tracer.events())
            for reason, frames in self.causes(receiver).items():
                if reason in drops.reasons() and (self.is_exact or reason == "NO_SOCKET"):
                    harness.wait_until(lambda: is_seen(reason, frames), f"{reason} in {make_tracer.__name__}")
            events = tracer.stop()
        found = [d for capture in captures for d in self.read(capture.finish())]
        harness.comment(f"{len(events)} events, {dict(Counter(e.reason for e in events))}")
        if all(e.function for e in events):
            return Counter((e.reason, e.function) for e in events) - Counter((d.reason, d.function) for d in found)
        return Counter(e.reason for e in events) - Counter(d.reason for d in found)

    def test_tracing_files(self):
        self.assertEqual(self.check(kerneltrace.DropTrace), Counter())

    def test_perf_trace(self):
        if not kerneltrace.has("perf"):
            self.skipTest("this machine has no perf")
        self.assertEqual(self.check(kerneltrace.PerfTrace), Counter())

    def test_dropwatch(self):
        if not kerneltrace.has("dropwatch"):
            self.skipTest("this machine has no dropwatch")
        if not kerneltrace.has_drop_monitor():
            self.skipTest("this kernel has no drop monitor (CONFIG_NET_DROP_MONITOR)")
        if not harness.OWN_MACHINE:
            self.skipTest("this machine drops packets of others, which dropwatch shows, too")
        self.assertEqual(self.check(kerneltrace.DropWatch), Counter())


if __name__ == "__main__":
    harness.main()
