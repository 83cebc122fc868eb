#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each word of pcap-filter(7) means what it means to a tcpdump that captures at the same interface, or is refused."""
import os
import signal
import socket
import struct

import harness
import net
from captures import read_pcap
from program import Case, Standalone, xdptap

LOOPBACK = "127.0.0.1"
# What some of FRAMES match and others do not; {near} is the interface's index.
PLACES = (
    "inbound", "outbound", "not inbound", "inbound and arp", "outbound or arp", "(inbound or ip6) and multicast",
    "ifindex {near} and arp", "arp and not ifindex 99999", "broadcast", "ether broadcast and not arp",
    "ip broadcast", "inbound and ip broadcast", "not ip broadcast", "vlan 42", "vlan and udp", "not vlan",
)
PROTOCOLS = (
    "multicast", "ip multicast", "ip6 multicast",
    "vlan", "vlan 42 and vlan 7", "pppoed", "pppoes", "pppoes 7", "pppoes and ip",
    "geneve", "geneve 5", "geneve and arp", "mpls", "mpls 1024", "mpls and ip", "arp", "rarp", "aarp", "atalk", "lat", "stp",
    "llc u", "igmp", "sctp", "ah", "esp", "pim", "vrrp", "igrp", "ip proto 89", "ether proto 0x88cc", "host localhost",
    "src net 10.9.0.0/24", "greater 200",
)
# tcpdump takes the netmask for 0 there (and with -f, on most machines, for one with its bytes reversed).
BROADCAST = "ip and (ip[16:4] & 255 = 0 or ip[16:4] & 255 = 255)"
NOTHING = ("ifindex 99999", "inbound and outbound", "ip and arp")
REFUSED = ("gateway localhost", "ifname near", "rnr 1", "wlan type data", "host no.such.name.invalid", "net 1.2.3.4/24",
           "ip proto nonsense", "port nonsense", "ip protochain 6", "ether[0xfffff014:4] = 1", "broadcas")


def ipv4(source, target, protocol, payload=bytes(20)):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(target)) + payload


def udp(target, port=9, payload=bytes(20)):
    return ipv4("10.9.0.77", target, 17, struct.pack(">HHHH", 9, port, 8 + len(payload), 0) + payload)


def ipv6(target):
    return struct.pack(">IHBB16s16s", 6 << 28, 8, 17, 64, socket.inet_pton(socket.AF_INET6, "fe80::77"),
                       socket.inet_pton(socket.AF_INET6, target)) + struct.pack(">HHHH", 9, 9, 8, 0)


def pppoe(session, protocol, packet):
    return struct.pack(">BBHHH", 0x11, 0, session, 2 + len(packet), protocol) + packet


def geneve(network, kind, payload):
    return udp("10.9.0.78", 6081, struct.pack(">BBHI", 0, 0, 0x6558, network << 8) + bytes(12) +
               struct.pack(">H", kind) + payload)


def make_frames(source):
    """Frames whose first addresses differ from those of the stack."""
    everybody, group = b"\xff" * 6, b"\x01\x00\x5e\x00\x00\x01"
    nobody = b"\x02\x00\x00\x00\x00\x99"
    for target in "10.9.0.255", "255.255.255.255", "0.0.0.0", "10.255.255.255", "10.9.255.255", "10.9.0.0":
        yield everybody + source + b"\x08\x00" + udp(target)
    yield group + source + b"\x08\x00" + udp("224.0.0.1")
    yield b"\x33\x33\x00\x00\x00\x01" + source + b"\x86\xdd" + ipv6("ff02::1")
    yield everybody + source + b"\x08\x06" + bytes(28)
    for kind, packet in (
            (0x0800, udp("10.9.0.78")), (0x0800, udp("10.8.0.78", payload=bytes(300))), (0x86DD, ipv6("fe80::78")),
            (0x8100, struct.pack(">HH", 42, 0x0800) + udp("10.9.0.78")),
            (0x8100, struct.pack(">HH", 43, 0x86DD) + ipv6("fe80::78")),
            (0x88A8, struct.pack(">HHHH", 42, 0x8100, 7, 0x0800) + udp("10.9.0.78")),
            (0x8863, pppoe(0, 0, bytes(40))), (0x8864, pppoe(7, 0x21, udp("10.9.0.78"))),
            (0x8864, pppoe(8, 0x57, ipv6("fe80::78"))), (0x0800, geneve(5, 0x0806, bytes(28))),
            (0x0800, geneve(6, 0x0800, udp("10.9.0.78"))),
            (0x8847, struct.pack(">I", 1024 << 12 | 0x140) + udp("10.9.0.78")),
            (0x8847, struct.pack(">I", 1025 << 12 | 0x140) + ipv6("fe80::78")),
            (0x8035, bytes(28)), (0x80F3, bytes(28)), (0x809B, bytes(40)), (0x6004, bytes(50)), (0x88CC, bytes(46)),
            (0x0800, ipv4(LOOPBACK, "10.9.0.78", 17))):
        yield nobody + source + struct.pack(">H", kind) + packet
    for protocol in 2, 132, 51, 50, 103, 112, 9, 89:
        yield nobody + source + b"\x08\x00" + ipv4("10.9.0.77", "10.9.0.78", protocol)
    yield b"\x01\x80\xc2\x00\x00\x00" + source + struct.pack(">H", 38) + b"\x42\x42\x03" + bytes(43)


RECEIVED = list(make_frames(b"\x02\x00\x00\x00\x00\x01"))
SENT = list(make_frames(b"\x02\x00\x00\x00\x00\x02"))
ALL = sorted(RECEIVED + SENT)


# Around FRAMES come some that end with these words. Each filter accepts one of them: tcpdump has seen all when it has
# seen the last, and the first is there because libpcap itself runs its filter on that, without what the kernel knows.
FIRST, LAST = b"the first frame", b"the last frame"


def marks(text):
    addresses = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x03"
    packet = udp("10.9.0.78", payload=text)
    yield addresses + b"\x99\x99" + text.ljust(46)
    yield addresses + struct.pack(">HHH", 0x8100, 42, 0x0800) + packet
    yield addresses + struct.pack(">HHHHH", 0x88A8, 42, 0x8100, 7, 0x0800) + packet


def marked(expression):
    return expression if "vlan" in expression else f"ether proto 0x9999 or ({expression})"


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def ours(expression, packets):
    """Those of our frames that were captured, sorted. Where no tag is asked for, without tagged ones: the kernel
    takes the tag of a received frame off before tcpdump's filter, which then takes it for an untagged one."""
    frames = sorted(packet.data for packet in packets if packet.data in ALL)
    return frames if "vlan" in expression else [frame for frame in frames if frame[12:14] not in (b"\x81\x00", b"\x88\xa8")]


class Words(Case):
    def setUp(self):
        super().setUp()
        self.index = self.pair.near.link("near")["ifindex"]
        self.senders = [(self.sender(self.pair.far, "far"), RECEIVED), (self.sender(self.pair.near, "near"), SENT)]

    def sender(self, namespace, interface):
        sender = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0, bind=(interface, 0))
        self.addCleanup(sender.close)
        return sender

    def send(self):
        (received, _), (sent, _) = self.senders
        for sender, frames in ((received, marks(FIRST)), *self.senders, (sent, marks(LAST))):
            for frame in frames:
                sender.send(frame)

    def expected(self, expressions):
        """{expression: the frames that a tcpdump with it captures now}"""
        processes = {}
        for number, expression in enumerate(expressions):
            path = self.path(f"{number}.pcap")
            processes[expression] = path, self.enterContext(net.Process(
                ["tcpdump", "-i", "near", "-w", path, "-U", "-Z", "root", "--immediate-mode", "-s", "2000", "-B", "16384",
                 "--time-stamp-precision=nano", marked(expression.replace("ip broadcast", f"({BROADCAST})"))], self.pair.near))
        for _, process in processes.values():
            process.wait_for("listening on")
        self.send()
        result = {}
        for expression, (path, process) in processes.items():
            harness.wait_until(lambda: LAST in contents(path), "tcpdump to read all")
            process.signal(signal.SIGINT)
            self.assertEqual(process.wait(), 0)
            result[expression] = ours(expression, read_pcap(path))
        return result

    def compare(self, words, at_once, *options):
        """Captures with these words, some at a time."""
        words = [word.format(near=self.index) for word in words]
        expected = self.expected(words)
        words += NOTHING
        for first in range(0, len(words), at_once):
            captures = {word: self.start("-f", word, "-B", "1", *options, file=f"{word.replace('/', '')}.pcapng")
                        for word in words[first:first + at_once]}
            self.send()
            for word, capture in captures.items():
                with self.subTest(word):
                    self.assertEqual(ours(word, capture.finish().packets), expected.get(word, []))
        for word, frames in expected.items():
            with self.subTest(word):
                self.assertTrue(0 < len(frames) < len(ALL), len(frames))

    def test_xdp(self):
        """Received frames at XDP, where one capture fits at a time, and sent ones at tc."""
        self.compare(PLACES, 1, "--point", "xdp")

    def test_tc(self):
        self.compare(PLACES + PROTOCOLS, 10, "--point", "tc")

    def test_netmask_of_each_interface(self):
        """An interface without an IPv4 address knows one broadcast address."""
        self.pair.near.ip("addr", "flush", "dev", "near")
        capture = self.start("-f", "ip broadcast", "-i", "lo")
        self.send()
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, 0) as sender:
            for target in "127.0.0.2", "127.255.255.255":
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.sendto(b"", (target, 9))
        finished = capture.finish()
        names = [interface.option("if_name") for interface in finished.interfaces]
        targets = {(names[b["interface"]], socket.inet_ntoa(b["data"][30:34])) for b in finished.named("EPB")}
        self.assertEqual(targets, {("near", "0.0.0.0"), ("near", "255.255.255.255"), ("lo", "127.255.255.255")})

    def test_any(self):
        """Each interface has its own index there."""
        capture = self.start("-f", f"inbound and ifindex {self.index} and arp", interface="any")
        self.send()
        self.assertEqual(ours("", capture.finish().packets), [frame for frame in RECEIVED if frame[12:14] == b"\x08\x06"])

    def test_longer_than_an_option(self):
        expression = "icmp" + 70000 * " " + "or arp"
        capture = self.start("-f", expression)
        self.pair.ping(1)
        capture.wait_packets(2)
        finished = capture.finish()
        text = finished.interfaces[0].option("if_filter")
        self.assertEqual(len(text), 65534)
        self.assertTrue(expression.startswith(text.removesuffix(" [...]")) and text.endswith("]"), text[-50:])

    def test_end_while_it_is_compiled(self):
        expression = " or ".join(f"host 10.{n // 250}.{n % 250}.9" for n in range(1500))
        capture = self.enterContext(Standalone(self.pair.near, self.path("none.pcapng"), "-i", "near", "-f", expression))
        harness.wait_until(lambda: len(os.listdir(f"/proc/{capture.pid}/task")) > 1, "a thread that compiles")
        capture.signal(signal.SIGINT)
        self.assertEqual(capture.wait(harness.SOON), 0)
        self.assertFalse(os.path.exists(capture.file))

    def test_refused(self):
        """What libpcap or the kernel cannot do is refused when the filter is checked."""
        for expression in REFUSED:
            with self.subTest(expression):
                status, _, err = xdptap("-i", "near", "-w", self.path("x"), "-f", expression, namespace=self.pair.near)
                self.assertEqual(status, 2)
                self.assert_sentence(err, "capture filter")
                status, out, err = xdptap("--extcap-interface", "xdptap-near", "--extcap-capture-filter", expression,
                                          namespace=self.pair.near)
                self.assertEqual((status, err), (0, b""))
                self.assert_sentence(out)

    def test_checked(self):
        """What is a filter only on this interface is checked, and listed, for this interface."""
        for expression in "ip broadcast", "inbound", "ifindex 7":
            with self.subTest(expression):
                status, out, err = xdptap("--extcap-interface", "xdptap-near", "--extcap-capture-filter", expression,
                                          namespace=self.pair.near)
                self.assertEqual((status, out, err), (0, b"", b""))
        status, out, _ = xdptap("-dd", "-i", "near", "-f", "ip broadcast", namespace=self.pair.near)
        self.assertEqual(status, 0)
        self.assertIn(b"#0xff\n", out.replace(b" ", b"").replace(b"jt", b"\njt"))


harness.main()
