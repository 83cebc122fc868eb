#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The filter accepts exactly the frames that tcpdump accepts with the same expression."""
import os
import socket
import struct
import subprocess
import unittest

import harness
import net
from captures import Capture, read_pcap
from program import Case, Wireshark, xdptap

# Twenty filters. Each accepts some of FRAMES and rejects others.
EXPRESSIONS = (
    "ip", "ip6", "arp", "icmp", "tcp", "udp port 53", "tcp port 443", "tcp dst port 443 or arp",
    "host 10.9.0.2 and not icmp", "src net 10.9.0.0/24 and udp", "ip[8] < 20", "len > 500",
    "vlan", "vlan 42 and udp", "vlan and ip6", "mpls 1024", "tcp[tcpflags] & tcp-syn != 0",
    "ether[len - 1] = 0x77", "(ip[6:2] & 0x1fff) != 0", "not (tcp or udp) and not arp",
)
MACS = bytes.fromhex((net.NEAR_MAC + net.FAR_MAC).replace(":", ""))


def ipv4(proto, payload, ttl=64, fragment=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, ttl, proto, 0,
                       socket.inet_aton(net.FAR_IP), socket.inet_aton(net.NEAR_IP))
    return head + payload


def ipv6(proto, payload):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), proto, 64, b"\xfe\x80" + bytes(14),
                       b"\x20\x01\x0d\xb8" + bytes(12)) + payload


def udp(source, target, size=20):
    return struct.pack(">HHHH", source, target, 8 + size, 0) + bytes(size)


def tcp(source, target, flags=0x10, size=20):
    return struct.pack(">HHIIBBHHH", source, target, 1, 2, 0x50, flags, 512, 0, 0) + bytes(size)


PACKETS = [(0x0800, packet) for packet in (
    ipv4(17, udp(53, 4000)), ipv4(17, udp(4000, 54)), ipv4(17, udp(1, 2, 700), ttl=5),
    ipv4(6, tcp(443, 5000)), ipv4(6, tcp(5000, 443, 2)), ipv4(6, tcp(80, 90, 0x12, 1200)),
    ipv4(1, b"\x08\0\0\0" + bytes(30)), ipv4(17, bytes(40), fragment=0x00b9),
    ipv4(47, bytes(25) + b"\x77"))]
PACKETS += [(0x86DD, packet) for packet in (
    ipv6(17, udp(53, 53)), ipv6(6, tcp(443, 1)), ipv6(58, b"\x80\0\0\0" + bytes(30)),
    ipv6(44, b"\x11\0\0\0\0\0\0\1" + udp(53, 53)))]
PACKETS += [(0x0806, bytes(28)), (0x8847, struct.pack(">I", 1024 << 12 | 0x140) + PACKETS[0][1]),
            (0x88CC, bytes(45) + b"\x77")]
FRAMES = [MACS + struct.pack(">H", kind) + packet for kind, packet in PACKETS]
FRAMES += [MACS + struct.pack(">HHH", 0x8100, tag, kind) + packet
           for kind, packet in PACKETS[:10] for tag in (42, 0x2000)]


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


class FilterCase(Case):
    def expected(self, expression):
        """Returns the FRAMES that tcpdump accepts."""
        write_pcap(self.path("all.pcap"), FRAMES)
        subprocess.run(["tcpdump", "-r", self.path("all.pcap"), "-w", self.path("some.pcap"),
                        "--time-stamp-precision=nano", "-Z", "root", expression], check=True,
                       stderr=subprocess.DEVNULL)
        return [packet.data for packet in read_pcap(self.path("some.pcap"))]


    def sender(self, direction):
        """Returns a socket whose frames xdptap sees as received or as sent."""
        namespace, interface = ((self.pair.far, "far") if direction == "in"
                                else (self.pair.near, "near"))
        sender = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0, bind=(interface, 0))
        self.addCleanup(sender.close)
        return sender


class Filters(FilterCase):
    def check(self, direction, *options):
        sender = self.sender(direction)
        for expression in EXPRESSIONS:
            with self.subTest(expression):
                expected = self.expected(expression)
                self.assertTrue(0 < len(expected) < len(FRAMES))
                capture = self.start("-f", expression, "--direction", direction, *options)
                for frame in FRAMES:
                    sender.send(frame)
                finished = capture.finish()
                self.assertEqual(finished.data(), expected)
                self.assertEqual(finished.interfaces[0].option("if_filter"), expression)
                counters = finished.counters()
                self.assertEqual(counters["ifrecv"], len(FRAMES))
                self.assertEqual(counters["filteraccept"], len(expected))

    def test_received_native(self):
        self.check("in", "--mode", "native")

    def test_received_generic(self):
        self.check("in", "--mode", "generic")

    def test_received_at_tc(self):
        self.check("in", "--point", "tc")

    def test_sent(self):
        self.check("out")


class InTshark(FilterCase):
    """The same with tshark -f: two filters, or all twenty with XDPTAP_TESTS_LONG=1."""

    def check(self, direction, mode):
        wireshark = Wireshark(self.folder)
        sender = self.sender(direction)
        path = self.path("out.pcapng")
        step = 1 if os.environ.get("XDPTAP_TESTS_LONG") else len(EXPRESSIONS)
        for expression in EXPRESSIONS[1::step] + EXPRESSIONS[:1:step]:
            with self.subTest(expression):
                expected = self.expected(expression)
                with wireshark.tshark("-i", "xdptap-near", "-w", path, "-f", expression, "-c",
                                      str(len(expected)), "-o", f"extcap.xdptap_near.mode:{mode}",
                                      "-o", f"extcap.xdptap_near.direction:{direction}",
                                      namespace=self.pair.near) as tshark:
                    harness.wait_until(lambda: tshark.has_ended() or net.captures(tshark.pid), "a capture")
                    for frame in FRAMES:
                        sender.send(frame)
                    self.assertEqual(tshark.wait(2 * harness.DEADLINE), 0, tshark.text())
                self.assertEqual(Capture(path).data(), expected)
                self.assert_free()

    def test_received_native(self):
        self.check("in", "native")

    def test_received_generic(self):
        self.check("in", "generic")

    def test_sent(self):
        self.check("out", "auto")


class Edges(Case):
    mtu = 9000

    def test_nothing_matches(self):
        """A filter that libpcap reports as "rejects all packets" works like any other."""
        capture = self.start("-f", "ip and ip6")
        self.pair.ping(3)
        finished = capture.finish()
        self.assertEqual(finished.packets, [])
        self.assertEqual(finished.counters()["filteraccept"], 0)

    def test_snaplen_is_not_seen(self):
        capture = self.start("-f", "ether[200] = 0x33", "-s", "20", "--direction", "in")
        with self.pair.sender() as sender:
            for byte in b"\x32", b"\x33":
                sender.send(net.frame(200) + byte + bytes(99))
        finished = capture.finish()
        self.assertEqual([p.length for p in finished.packets], [300])

    def test_behind_the_linear_part(self):
        for mode in "native", "generic":
            with self.subTest(mode):
                capture = self.start("-f", "ether[8000:2] = 0x3344 and len = 9000", "--mode", mode,
                                     "--direction", "in")
                with self.pair.sender() as sender:
                    for word in b"\x33\x44", b"\x33\x45":
                        sender.send(net.frame(8000) + word + bytes(998))
                self.assertEqual([p.data[8000:8002] for p in capture.finish().packets],
                                 [b"\x33\x44"])

    def test_too_large(self):
        """A filter too large for the kernel: one error message, and nothing stays on the interface."""
        expression = " or ".join(f"ether[{at}:4] = {at + 1}" for at in range(4000))
        status, _, err = xdptap("-i", "near", "-w", self.path("x"), "-f", expression,
                                namespace=self.pair.near)
        self.assertNotEqual(status, 0)
        self.assert_sentence(err, "filter", "too large")
        self.assert_free()

    def test_many_hosts(self):
        """A large filter that the kernel accepts."""
        expression = " or ".join(f"host 10.{at // 250}.{at % 250}.9" for at in range(150))
        capture = self.start("-f", expression + " or host 10.9.0.2")
        self.pair.ping(2)
        capture.wait_packets(4)
        self.assertEqual(len(capture.finish().packets), 4)


class Listing(unittest.TestCase):
    def test_both(self):
        status, out, err = xdptap("-d", "-f", "udp port 53")
        self.assertEqual((status, err), (0, b""))
        self.assertIn(b"if w7 != 0x86dd goto", out)
        self.assertIn(b"w9 = w7", out)  # the VLAN tag that the NIC stripped
        self.assertIn(b"if r9 != 0 goto", out)
        status, classic, _ = xdptap("-dd", "-f", "udp port 53")
        self.assertEqual(status, 0)
        tcpdump = subprocess.run(["tcpdump", "-d", "-y", "EN10MB", "udp port 53"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        self.assertEqual(classic.split(), tcpdump.stdout.split())

    def test_refused(self):
        for arguments in (("-d",), ("-d", "-f", "tcp prot 80"), ("-dd", "-f", "ip protochain 6")):
            status, out, err = xdptap(*arguments)
            self.assertEqual((status, out), (2, b""))
            self.assertIn(b"ilter", err)


harness.main()
