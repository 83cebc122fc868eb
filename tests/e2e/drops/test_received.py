#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Received packets that end in the stack: each with its frame and reason, as often as the kernel counts it."""
import ctypes
import socket
import struct

import harness
import net
from drops import DropCase, ip4, tcp, udp

N = 3
SO_ATTACH_FILTER = 26


class Received(DropCase):
    def check(self, frames, reason, counters, count=None):
        """`counters` are SNMP counters that grow by the number of frames."""
        before = self.counters(*counters)
        capture = self.capture()
        self.pair.send_all(frames)
        capture.wait_packets(len(frames))
        found = self.read(capture.finish())
        self.expect(found, frames, reason)
        grown = [now - then for now, then in zip(self.counters(*counters), before)]
        self.assertEqual(grown, [len(frames)] * len(counters), counters)
        self.assertEqual(len(found), len(frames), found)

    def test_no_socket(self):
        self.check([udp(9000 + n, b"x" * 40 * n) for n in range(N)], "NO_SOCKET", ["UdpNoPorts"])

    def test_no_listener(self):
        self.check([tcp(9000, number=n) for n in range(N)], "NO_SOCKET", ["TcpOutRsts"])

    def test_udp_checksum(self):
        self.check([udp(9000 + n, wrong=1) for n in range(N)], "UDP_CSUM", ["UdpInCsumErrors"])

    def test_tcp_checksum(self):
        self.check([tcp(9000, number=n, wrong=1) for n in range(N)], "TCP_CSUM", ["TcpInCsumErrors"])

    def test_ip_checksum(self):
        self.check([udp(9000 + n, header_wrong=1) for n in range(N)], "IP_CSUM",
                   ["IpExtInCsumErrors", "IpInHdrErrors"])

    def test_no_protocol(self):
        self.check([ip4(bytes(20 + n), 200) for n in range(N)], "IP_NOPROTO", ["IpInUnknownProtos"])

    def test_reverse_path(self):
        for name in ("all", "near"):
            self.pair.near.write(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "1")
        self.check([udp(9000 + n, source="192.0.2.1") for n in range(N)], "IP_RPFILTER",
                   ["TcpExtIPReversePathFilter"])

    def test_receive_buffer(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9000)) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the smallest one
            frames = [udp(9000, b"%d" % n * 50) for n in range(10, 30)]
            capture = self.capture()
            self.pair.send_all(frames)
            dropped, = self.counters("UdpRcvbufErrors")
            capture.wait_packets(dropped)
            self.assertEqual(self.counters("UdpRcvbufErrors"), [dropped])
            receiver.settimeout(0)
            arrived = [receiver.recv(1000) for _ in range(len(frames) - dropped)]
        found = self.read(capture.finish())
        self.assertEqual(len(found), dropped)
        self.assertGreater(dropped, 0)
        self.expect(found, [f for f in frames if f[42:] not in arrived], "SOCKET_RCVBUFF")

    def test_socket_filter(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9000)) as receiver:
            reject_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)
            receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                                struct.pack("HxxxxxxP", 1, ctypes.addressof(reject_all)))
            self.check([udp(9000, bytes(n)) for n in range(N)], "SOCKET_FILTER", ["UdpInErrors"])


if __name__ == "__main__":
    harness.main()
