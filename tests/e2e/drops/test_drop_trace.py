#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Beside the kernel's own tracing of the same traffic: what perf trace would show is in the capture."""
import socket
import threading
from collections import Counter

import drops
import harness
import kerneltrace
import net
from drops import DropCase, ip4, tcp, udp

N = 5


class BesideTracing(DropCase):
    def setUp(self):
        if not kerneltrace.is_available():
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

    def test_nothing_is_missing(self):
        captures = self.captures()
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9300)) as receiver, \
                self.pair.sender() as sender, kerneltrace.DropTrace([threading.get_native_id()]) as trace:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)

            def is_traced(reason, frames):
                """Where a kernel thread receives them, the events are not ours: then once more."""
                for frame in frames:
                    sender.send(frame)
                return any(e.reason == reason for e in trace.events())
            for reason, frames in self.causes(receiver).items():
                if reason in drops.reasons() and (self.is_exact or reason == "NO_SOCKET"):
                    harness.wait_until(lambda: is_traced(reason, frames), f"{reason} in the kernel's trace")
            trace.write("events/skb/kfree_skb/enable", "0")
            events = trace.events()
        found = [d for capture in captures for d in self.read(capture.finish())]
        harness.comment(f"{len(events)} events, {dict(Counter(e.reason for e in events))}")
        if all(e.function for e in events):
            missing = Counter((e.reason, e.function) for e in events) - Counter((d.reason, d.function) for d in found)
        else:
            missing = Counter(e.reason for e in events) - Counter(d.reason for d in found)
        self.assertEqual(missing, Counter())


if __name__ == "__main__":
    harness.main()
