#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every kind of network device: xdptap captures what tcpdump captures at the same time, byte for byte.

A row of KINDS makes a device "t0" in both namespaces, over the veth pair. Each row sees the same traffic, in both
directions: UDP over IPv4 and IPv6 in sizes around the MTU and in fragments, echo requests and a TCP connection.
"""
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections import namedtuple

import harness
import net
from captures import pcap_linktype, read_pcap
from program import Case, xdptap

ETHERNET, RAW, COOKED = 1, 101, 113
LINK_HEADER = {ETHERNET: 14, RAW: 0, COOKED: 16}
NEAR4, FAR4, NEAR6, FAR6 = "10.77.0.1", "10.77.0.2", "fd77::1", "fd77::2"
OUTER6 = "fd78::1", "fd78::2"
ENDS = ((socket.inet_aton(NEAR4), socket.inet_aton(FAR4)),
        (socket.inet_pton(socket.AF_INET6, NEAR6), socket.inet_pton(socket.AF_INET6, FAR6)))
FILTERS = ("icmp", f"host {NEAR4} and udp", "tcp port 7777", "ip6", f"src host {FAR6} and udp")
PPP = 512  # ARPHRD_PPP
CSUM_NOT_READY = 1 << 9

# What precedes `ip link add` options; {here4} and so on are the addresses of the veth pair.
Kind = namedtuple("Kind", "options linktype families hardware", defaults=(RAW, "46", None))
OVER4, OVER6 = "local {here4} remote {there4}", "local {here6} remote {there6}"
KINDS = {
    "ipip": Kind("ipip " + OVER4, families="4"),
    "gre": Kind("gre " + OVER4, COOKED),
    "sit": Kind("sit mode any " + OVER4),
    "ip6tnl": Kind("ip6tnl mode any " + OVER6, COOKED),
    "ip6gre": Kind("ip6gre " + OVER6, COOKED),
    "tun": Kind(None),
    "ppp": Kind(None, COOKED, hardware=PPP),  # also a tun device, which carries the packets
    "wireguard": Kind("wireguard"),
    "gretap": Kind("gretap " + OVER4, ETHERNET),
    "ip6gretap": Kind("ip6gretap " + OVER6, ETHERNET),
    "vxlan": Kind("vxlan id 1 dstport 4789 " + OVER4, ETHERNET),
    "geneve": Kind("geneve id 1 remote {there4}", ETHERNET),
    "macvlan": Kind("macvlan", ETHERNET),
    "ipvlan": Kind("ipvlan mode l2", ETHERNET),
    "vlan": Kind("vlan id 5", ETHERNET),
    "bridge": Kind("bridge", ETHERNET),
}
ON_TOP = ("macvlan", "ipvlan", "vlan")
Side = namedtuple("Side", "space device here4 there4 here6 there6 inner4 inner6 mac")


class Wire:
    """Carries packets between two tun devices."""

    def __init__(self, near, far):
        self.fds, self.is_ended = (near, far), False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_ended = True
        self.thread.join()
        for fd in self.fds:
            os.close(fd)

    def run(self):
        other = dict(zip(self.fds, reversed(self.fds)))
        while not self.is_ended:
            for fd in select.select(self.fds, [], [], 0.1)[0]:
                try:
                    os.write(other[fd], os.read(fd, 65536))
                except OSError:
                    pass  # the other one is not up yet


def is_traffic(data):
    """Whether it is a packet between the two addresses, not a neighbor's question."""
    return is_received(data) or any(here + there in data for here, there in ENDS)


def is_received(data):
    return any(there + here in data for here, there in ENDS)


def without_checksum(data, linktype):
    """The packet without its TCP or UDP checksum, which may be filled in after tc."""
    at = LINK_HEADER[linktype]
    if data[at] >> 4 == 4:
        protocol, at = data[at + 9], at + (data[at] & 15) * 4
    else:
        protocol, at = data[at + 6], at + 40
    at += {6: 16, 17: 6}.get(protocol, len(data))
    return data[:at] + data[at + 2:]


def exchange(family, mtu, near, far):
    """Sends datagrams of sizes around the MTU in both directions; each must arrive."""
    header = 28 if family == socket.AF_INET else 48
    sizes = [0, 1, 18, 40, 100, 512, mtu - header - 1, mtu - header, mtu - header + 1, 4000]
    for size in sizes:
        for sender, receiver in ((near, far), (far, near)):
            receiver.settimeout(harness.DEADLINE)
            sender.sendto(bytes(n & 255 for n in range(size)), receiver.getsockname()[:2])
            if len(receiver.recv(65536)) != size:
                raise AssertionError(f"a datagram of {size} bytes arrived in another size")


class Devices(Case):
    def sides(self):
        for number, (space, device, here4, there4) in enumerate((
                (self.pair.near, "near", net.NEAR_IP, net.FAR_IP),
                (self.pair.far, "far", net.FAR_IP, net.NEAR_IP))):
            yield Side(space, device, here4, there4, OUTER6[number], OUTER6[1 - number],
                       (NEAR4, FAR4)[number], (NEAR6, FAR6)[number], f"02:77:00:00:00:0{number + 1}")

    def make(self, name):
        """Makes t0 in both namespaces, and skips the test if this kernel cannot."""
        kind = KINDS[name]
        for side in self.sides():
            side.space.write(f"/proc/sys/net/ipv6/conf/{side.device}/disable_ipv6", "0")
            side.space.ip("addr", "add", f"{side.here6}/64", "dev", side.device, "nodad")
        if kind.options is None:
            try:
                ends = [side.space.inside(lambda: net.open_tun(kind.hardware)) for side in self.sides()]
            except OSError as error:
                self.skipTest(f"this kernel has no tun: {error}")
            self.enterContext(Wire(*ends))
        else:
            self.add_links(name, kind)
        getattr(self, f"set_up_{name}", lambda: None)()
        for side in self.sides():
            self.address(kind, side)
        near, far = self.sides()
        if kind.linktype == ETHERNET:
            self.introduce(near, far)
            self.introduce(far, near)

    def add_links(self, name, kind):
        for side in self.sides():
            under = ["link", side.device] if name in ON_TOP else []
            options = kind.options.format(**side._asdict()).split()
            try:
                side.space.ip("link", "add", *under, "name", "t0", "type", *options)
            except RuntimeError as error:
                self.skipTest(f"this kernel has no {name}: {error}")

    @staticmethod
    def address(kind, side):
        space = side.space
        if kind.linktype == ETHERNET and "ipvlan" not in kind.options:
            space.ip("link", "set", "t0", "address", side.mac)
        space.write("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "0")
        space.ip("addr", "add", f"{side.inner4}/24", "dev", "t0")
        space.ip("link", "set", "t0", "up")
        if "6" in kind.families:
            space.ip("addr", "add", f"{side.inner6}/64", "dev", "t0", "nodad")

    @staticmethod
    def introduce(side, peer):
        """No question about the neighbor's address falls between the ends of two captures."""
        mac = peer.space.link("t0")["address"]
        for address in (peer.inner4, peer.inner6):
            side.space.ip("neigh", "replace", address, "lladdr", mac, "dev", "t0", "nud", "permanent")

    def set_up_bridge(self):
        for side in self.sides():
            side.space.ip("link", "set", side.device, "master", "t0")

    def set_up_wireguard(self):
        try:
            secrets = [subprocess.check_output(["wg", "genkey"]) for _ in range(2)]
        except FileNotFoundError:
            self.skipTest("this machine has no wg")
        publics = [subprocess.check_output(["wg", "pubkey"], input=s).decode().strip() for s in secrets]
        for number, side in enumerate(self.sides()):
            key = self.path(f"key{number}")
            with open(key, "wb") as file:
                file.write(secrets[number])
            side.space.run("wg", "set", "t0", "listen-port", "5555", "private-key", key, "peer",
                           publics[1 - number], "endpoint", f"{side.there4}:5555", "allowed-ips",
                           "0.0.0.0/0,::/0")


class Links(Devices):
    def tcpdump(self, name, direction, *expression):
        process = self.enterContext(net.Process(
            ["tcpdump", "-i", "t0", "-w", self.path(name), "-Q", direction, "-U", "-Z", "root",
             "--immediate-mode", "--time-stamp-precision=nano", "-s", "9000", "-B", "16384",
             *expression], self.pair.near))
        process.wait_for("listening on")
        return process

    def traffic(self, kind):
        near, far = self.pair.near, self.pair.far
        mtu = near.link("t0")["mtu"]
        families = {"4": (socket.AF_INET, NEAR4, FAR4), "6": (socket.AF_INET6, NEAR6, FAR6)}
        for family, here, there in (families[f] for f in kind.families):
            with near.socket(family, socket.SOCK_DGRAM, bind=(here, 7000)) as one, \
                    far.socket(family, socket.SOCK_DGRAM, bind=(there, 7000)) as other:
                exchange(family, mtu, one, other)
            near.ping(there, 3)
            far.ping(here, 3)
        with far.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(FAR4, 7777)) as server:
            server.listen()
            with near.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.connect((FAR4, 7777))
                with server.accept()[0] as accepted:
                    client.send(b"question")
                    accepted.recv(100)
                    accepted.send(b"answer" * 20)
                    client.recv(1000)

    def reference(self, name, kind):
        """tcpdump's packets."""
        self.assertEqual(pcap_linktype(self.path(name)), kind.linktype)
        return [p.data for p in read_pcap(self.path(name)) if is_traffic(p.data)]

    def check_same(self, blocks, expected, kind):
        self.assertEqual(len(blocks), len(expected))
        for number, (block, data) in enumerate(zip(blocks, expected)):
            ours = block["data"]
            self.assertEqual(block["len"], len(data), number)
            if block.option("epb_flags") & CSUM_NOT_READY:
                ours, data = (without_checksum(d, kind.linktype) for d in (ours, data))
            self.assertEqual(ours, data, f"packet {number}")

    def check_kind(self, name):
        kind = KINDS[name]
        self.make(name)
        expressions = [f for f in FILTERS if "6" in kind.families or "6" not in f.replace(FAR6, "6")]
        if kind.linktype == COOKED:
            expressions += ["inbound and udp", "outbound and icmp"]
        dumps = [self.tcpdump("in.pcap", "in"), self.tcpdump("out.pcap", "out")]
        dumps += [self.tcpdump(f"{n}.pcap", "inout", f) for n, f in enumerate(expressions)]
        captures = [self.start(interface="t0", file="all.pcapng")]
        captures += [self.start("-f", f, "--point", "tc", interface="t0", file=f"{n}.pcapng")
                     for n, f in enumerate(expressions)]
        self.traffic(kind)
        time.sleep(0.3 * harness.SLOWNESS)
        first, *filtered = [capture.finish() for capture in captures]
        time.sleep(0.3 * harness.SLOWNESS)  # tcpdump may lag behind
        for dump in dumps:
            dump.signal()
            dump.wait()
        self.check_all(first, kind)
        for number, (expression, capture) in enumerate(zip(expressions, filtered)):
            with self.subTest(expression):
                # In each direction: of two packets that cross, tc and the stack may see either one first.
                expected = sorted(self.reference(f"{number}.pcap", kind), key=is_received)
                self.assertTrue(expected)
                ours = sorted(self.frames(capture), key=lambda block: is_received(block["data"]))
                self.check_same(ours, expected, kind)

    @staticmethod
    def frames(capture):
        return [block for block in capture.named("EPB") if is_traffic(block["data"])]

    def check_all(self, capture, kind):
        interface, = capture.interfaces
        self.assertEqual(interface["linktype"], kind.linktype)
        for bits, name in ((1, "in.pcap"), (2, "out.pcap")):
            with self.subTest(name):
                blocks = [b for b in self.frames(capture) if b.option("epb_flags") & 3 == bits]
                self.assertGreater(len(blocks), 10)
                self.check_same(blocks, self.reference(name, kind), kind)
                if kind.linktype != ETHERNET:  # no address says for whom they were
                    self.assertEqual({b.option("epb_flags") >> 2 & 7 for b in blocks}, {0})


class AfterGeneric(Case):
    """Generic XDP makes some kernels forget the Ethernet header; tc captures it nevertheless."""

    def capture(self, *options):
        name = "-".join(("x", *options)).replace(" ", "")
        return self.start("--point", "tc", *options, file=f"{name}.pcapng")

    def test_header(self):
        self.start("--mode", "generic", file="generic.pcapng")
        sent = [net.frame(size, 0) for size in (14, 15, 17, 18, 60, 64, 500, 1500, 1514)]
        # A load may begin in the header and end after it.
        filters = {"ether proto 0x88b5": sent, "ether[12:4] & 0xffff0000 = 0x88b50000": sent[2:],
                   "ether dst 1:2:3:4:5:6": [], f"ether src {net.FAR_MAC}": sent, "len > 60": sent[5:],
                   "ether[14:4] = 0 and ether[11] = 2": sent[3:], "ether[len - 2] >= 0": sent}
        captures = [(self.capture("-f", f), expected) for f, expected in filters.items()]
        cut = [(self.capture("-s", str(length)), length) for length in (1, 14, 16, 60, 64, 100)]
        everything = self.capture()
        self.pair.send_all(sent)
        everything.wait_packets(len(sent))
        self.assertEqual([p.data for p in everything.finish().packets], sent)
        for capture, expected in captures:
            capture.wait_packets(len(expected))
            self.assertEqual([p.data for p in capture.finish().packets], expected)
        for capture, length in cut:
            packets = capture.finish().packets
            self.assertEqual([(p.length, p.data) for p in packets], [(len(s), s[:length]) for s in sent])


class Mixed(Devices):
    """Devices with and without an Ethernet header in one capture."""

    def setUp(self):
        super().setUp()
        self.make("tun")

    def refuse(self, *options, words, status=1, interface="t0"):
        got, _, err = xdptap("-i", interface, "-w", self.path("x"), *options, namespace=self.pair.near)
        self.assertEqual(got, status)
        self.assert_last_sentence(err, *words)

    def test_any(self):
        """One filter means the same on each interface."""
        capture = self.start("-f", "icmp", interface="any")
        self.pair.near.ping(FAR4, 2)
        self.pair.near.ping(net.FAR_IP, 2)
        capture.wait_packets(8)
        finished = capture.finish()
        types = {i.option("if_name"): i["linktype"] for i in finished.interfaces}
        self.assertEqual(types, {"lo": ETHERNET, "near": ETHERNET, "t0": RAW})
        names = [i.option("if_name") for i in finished.interfaces]
        frames = [(names[b["interface"]], b["data"]) for b in finished.named("EPB")]
        self.assertEqual([(name, data[0 if name == "t0" else 14]) for name, data in frames],
                         [("t0", 0x45)] * 4 + [("near", 0x45)] * 4)

    def test_snaplen(self):
        capture = self.start("-s", "30", "-Q", "out", "-f", "icmp", interface="t0")
        self.pair.near.ping(FAR4, 2)
        capture.wait_packets(2)
        self.assertEqual([(p.length, len(p.data)) for p in capture.finish().packets], [(84, 30)] * 2)

    def test_pcap(self):
        capture = self.start("--format", "pcap", "-f", "icmp", interface="t0", file="out.pcap")
        self.pair.near.ping(FAR4, 1)
        harness.wait_until(lambda: os.path.getsize(self.path("out.pcap")) == 24 + 2 * (16 + 84) or
                           capture.signal(net.signal.SIGUSR2), "two packets")
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        self.assertEqual(pcap_linktype(self.path("out.pcap")), RAW)
        self.refuse("-i", "near", "--format", "pcap", words=("t0", "near", "pcapng"), status=2)

    def test_xdp(self):
        """XDP programs expect an Ethernet header."""
        for options in (("--point", "xdp"), ("--point", "trace"), ("--mode", "generic"),
                        ("--verdict", "drop"), ("-j", "adapter")):
            self.refuse(*options, words=("t0", "--point tc"))
        capture = self.start("--mode", "generic", interface="any")
        self.assertIn(b'not capturing on "t0"', capture.stderr())
        capture.finish()

    def test_filter_on_ethernet(self):
        """A filter on Ethernet addresses means nothing here."""
        self.refuse("-f", "ether host 1:2:3:4:5:6", words=("ether host 1:2:3:4:5:6",))
        capture = self.start("-f", "ether host 1:2:3:4:5:6", interface="any")
        self.assertIn(b'not capturing on "t0"', capture.stderr())
        names = {i.option("if_name") for i in capture.finish().interfaces}
        self.assertEqual(names, {"lo", "near"})

    def test_queries(self):
        def ask(*arguments):
            status, out, _ = xdptap(*arguments, namespace=self.pair.near)
            self.assertEqual(status, 0)
            return out.decode()
        name = "--extcap-interface", "xdptap-t0"
        self.assertIn("t0", ask("-D"))
        self.assertIn("{value=xdptap-t0}", ask("--extcap-interfaces"))
        self.assertEqual(ask("--extcap-dlts", *name), "dlt {number=12}{name=RAW}{display=Raw IP}\n")
        self.assertEqual(ask(*name, "--extcap-capture-filter", "udp"), "")
        self.assertTrue(ask(*name, "--extcap-capture-filter", "ether host 1:2:3:4:5:6").strip())



for kind_name in KINDS:
    setattr(Links, f"test_{kind_name}", lambda self, name=kind_name: self.check_kind(name))

if __name__ == "__main__":
    harness.main()
