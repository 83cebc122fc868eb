#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A checksum that is not in the frame yet: the packet's flags say so, and only then."""
import os
import socket
import struct

import harness
import net
from program import Case

NOT_READY = 1 << 9
GOOD, BAD = True, False


def has_checksum(frame):
    """Whether the TCP or UDP checksum of an IPv4 frame is right. Wireshark from 4.2 on would also accept the
    sum over the pseudo-header alone."""
    packet = frame[14:14 + struct.unpack_from(">H", frame, 16)[0]]
    segment = packet[4 * (packet[0] & 15):]
    summed = packet[12:20] + struct.pack(">2H", packet[9], len(segment)) + segment + b"\0" * (len(segment) % 2)
    return sum(struct.unpack(f">{len(summed) // 2}H", summed)) % 0xffff == 0


class Checksums(Case):
    def setUp(self):
        super().setUp()
        if not os.path.exists("/sys/kernel/btf/vmlinux"):
            self.skipTest("this kernel has no BTF")

    def judge(self, capture):
        """For each packet: whether its flags say "not ready", and whether its checksum is right."""
        return [(bool(packet.option("epb_flags") & NOT_READY), has_checksum(data))
                for packet, data in zip(capture.named("EPB"), capture.data(), strict=True)]

    def talk_tcp(self, n=20):
        """Exchanges small messages, each in its own segment."""
        server = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.FAR_IP, 0))
        client = self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM)
        with server, client:
            server.settimeout(harness.DEADLINE)
            client.settimeout(harness.DEADLINE)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.listen()
            client.connect(server.getsockname())
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(harness.DEADLINE)
                for _ in range(n):
                    client.send(b"small")
                    self.assertEqual(accepted.recv(100), b"small")
                    accepted.send(b"small")
                    self.assertEqual(client.recv(100), b"small")

    def talk_udp(self, n=20):
        server = self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.FAR_IP, 0))
        client = self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with server, client:
            for _ in range(n):
                client.sendto(b"small", server.getsockname())

    def capture(self, talk, kind, *options):
        capture = self.start("-f", kind, *options)
        talk()
        capture.wait_packets(20)
        return self.judge(capture.finish())

    def test_tcp(self):
        """Whatever the NIC can do, TCP leaves the checksum of data to it, also in another namespace. Only
        segments without a socket, as the last acknowledgment may be one, are sent with a checksum."""
        for offload in ("on", "off"):
            self.pair.near.run("ethtool", "-K", "near", "tx", offload)
            for options in (("-Q", "out"), ("-Q", "in", "--point", "tc")):
                with self.subTest(offload=offload, options=options):
                    found = self.capture(self.talk_tcp, "tcp[tcpflags] & tcp-push != 0", *options)
                    self.assertEqual(set(found), {(True, BAD)})

    def test_udp_without_offload(self):
        self.pair.near.run("ethtool", "-K", "near", "tx", "off")
        self.assertEqual(set(self.capture(self.talk_udp, "udp", "-Q", "out")), {(False, GOOD)})

    def test_udp_with_offload(self):
        self.pair.near.run("ethtool", "-K", "near", "tx", "on")
        self.assertEqual(set(self.capture(self.talk_udp, "udp", "-Q", "out")), {(True, BAD)})

    def test_frames_ready_made(self):
        """Of a packet socket: nobody has left anything to the NIC."""
        capture = self.start("-Q", "out")
        self.pair.send(3, interface="near")
        capture.wait_packets(3)
        flags = [packet.option("epb_flags") for packet in capture.finish().named("EPB")]
        self.assertEqual([f & NOT_READY for f in flags], [0, 0, 0])


if __name__ == "__main__":
    harness.main()
