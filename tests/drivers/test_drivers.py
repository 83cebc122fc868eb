#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures on NICs that QEMU emulates leave their traffic, their links and their offloads alone."""
import hashlib
import os
import re
import signal
import socket
import tempfile
import threading
import time

import cable
import harness
import net
from captures import read_pcap
from harness import wait_until
from program import Case, Standalone, xdptap

NATIVE, TC = "received frames at xdp, native mode", "received frames at tc-ingress"
# A host that checksums and does not merge.
WHOLE = "virtio-net-pci,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off"
# By the words that the machine was made with: the driver, what --mode auto does, and what -D tells.
EXPECTED = {
    "virtio-net-pci": ("virtio_net", TC, "XDP native on request -"),
    WHOLE: ("virtio_net", NATIVE, "XDP native -"),
    "virtio-net-pci,mrg_rxbuf=off": ("virtio_net", TC, "XDP generic -"),
    "virtio-net-pci,ctrl_guest_offloads=off": ("virtio_net", TC, "XDP generic -"),
    "vmxnet3": ("vmxnet3", TC, "XDP native on request, strips VLAN tags -"),
    "e1000": ("e1000", TC, "XDP generic, strips VLAN tags -"),
    "e1000e": ("e1000e", TC, "XDP generic, strips VLAN tags -"),
    "rtl8139": ("8139cp", TC, "XDP generic, strips VLAN tags -"),
}
MAX_MTU = {"8139cp": 4000}
TAG = bytes.fromhex("81000064")
ICMP = bytes.fromhex("0800" "4500003000000000400100000a0900020a090001")
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
BURST = 16  # frames, of which some wait in the NIC at any time
LENGTH = 4 << 20  # of a TCP stream


def tagged(size, number):
    data = net.frame(size, number)
    return data[:12] + TAG + data[12:]


def taint():
    with open("/proc/sys/kernel/tainted", encoding="ascii") as file:
        return file.read()


def payload(data, port):
    """(sequence number, payload) of a TCP segment over IPv4 to this port, or None."""
    if data[12:14] != b"\x08\x00" or data[23] != 6:
        return None
    at = 14 + (data[14] & 15) * 4
    if int.from_bytes(data[at + 2:at + 4], "big") != port:
        return None
    end = 14 + int.from_bytes(data[16:18], "big")
    return int.from_bytes(data[at + 4:at + 8], "big"), data[at + (data[at + 12] >> 4) * 4:end]


def reassemble(packets, port):
    """The stream that goes to this port, as far as all of it was captured."""
    segments = sorted(filter(None, (payload(packet, port) for packet in packets)))
    stream, first = bytearray(), segments[0][0]
    for sequence, data in segments:
        if data:  # the SYN counts as a byte
            at = sequence - first - 1
            if at > len(stream):
                break
            stream[at:at + len(data)] = data
    return bytes(stream)


class Nic(Case):
    number = 0
    words = driver = way = row = ""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))
        self.pair = self.enterContext(cable.Cable(self.number, self.mtu))
        self.assertEqual(self.pair.driver(), self.driver)
        self.pair.merge()  # it may be off because of another capture

    def ping_meanwhile(self, action):
        """Pings from far until the action is done; all of that time are answered."""
        with net.Process(["stdbuf", "-oL", "ping", "-i", "0.02", net.NEAR_IP], self.pair.far) as ping:
            def answered():
                return [int(number) for number in re.findall(rb" icmp_seq=(\d+) ttl=", ping.stdout())]
            first = wait_until(answered, "the first answer")[-1]
            action()
            done = answered()[-1]
            wait_until(lambda: answered()[-1] > done + 20, "the last answers")
            self.assertEqual(set(range(first, done)) - set(answered()), set(), f"not answered, of {done - first}")

    def comment(self, capture):
        interface, = capture.interfaces
        return interface.option("opt_comment")

    def send_for(self, capture, frames, name):
        """Sends frames from far while tcpdump captures, too: its packets, and ours."""
        with net.tcpdump(self.pair.near, self.path(name), "in") as reference:
            self.pair.send_all(frames)
            wait_until(lambda: len(read_pcap(self.path(name))) >= len(frames), "tcpdump's packets")
            reference.signal()
            reference.wait()
        capture.wait_packets(len(frames))
        return read_pcap(self.path(name)), capture.finish()

    def test_nothing_is_disturbed(self):
        """Three captures while pings run: none is lost, the link stays up, the offloads stay as they are."""
        before = [self.pair.offloads(name) for name in ("near", "far")]
        changes = [self.pair.carrier_changes(name) for name in ("near", "far")]

        def capture_thrice():
            for _ in range(3):
                capture = self.start()
                self.assertEqual(self.pair.offloads("near"), before[0], "during")
                capture.wait_packets(10)
                self.assertIn(self.way, self.comment(capture.finish()))
        self.ping_meanwhile(capture_thrice)
        self.assertEqual([self.pair.offloads(name) for name in ("near", "far")], before, "after")
        self.assertEqual([self.pair.carrier_changes(name) for name in ("near", "far")], changes)
        self.assert_free()

    def send_datagrams(self, sender, receiver, action):
        """Sends numbered datagrams until the action is done; (how many until then, the numbers that arrived)"""
        sent, newest, received, is_done = 0, 0, set(), threading.Event()

        def receive():
            nonlocal newest
            while data := receiver.recv(64):
                newest = int(data)
                received.add(newest)

        def send():
            nonlocal sent
            while not is_done.is_set():
                for _ in range(BURST):
                    sender.send(b"%d" % sent)
                    sent += 1
                for _ in range(50):  # so that no queue is ever full, and a datagram that is lost stops nothing
                    time.sleep(0.002)
                    if sent - newest <= 2 * BURST:
                        break
        threads = [threading.Thread(target=receive), threading.Thread(target=send)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: received, "the first datagram")
            action()
            done = sent
            wait_until(lambda: newest >= done + BURST, "datagrams of later")
        finally:
            is_done.set()
            threads[1].join()
            sender.send(b"")  # ends the other thread
            threads[0].join()
        return done, received

    def test_no_datagram_is_lost(self):
        """Nor those that wait in the NIC, not checksummed by the host, when a program comes or goes."""
        receiver = self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 0))
        sender = self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        sender.connect(receiver.getsockname())

        def capture_thrice():
            for _ in range(3):
                self.start().finish()
        with receiver, sender:
            sent, received = self.send_datagrams(sender, receiver, capture_thrice)
        self.assertEqual(set(range(sent)) - received, set(), f"lost, of {sent}")

    def test_same_as_tcpdump(self):
        # fq_codel of the sender may change their order
        frames = [net.frame(size, size) for size in (60, 64, 128, 777, 1500, 1514)]
        frames += [tagged(size, size) for size in (60, 512, 1500)]
        references, capture = self.send_for(self.start("-Q", "in"), frames, "all.pcap")
        self.assertCountEqual(capture.data(), frames)
        self.assert_order(capture, [packet.data for packet in references])

    def assert_order(self, capture, references):
        """As tcpdump's, but behind XDP the kernel lets frames with a tag pass those without one (GRO)."""
        orders = [capture.data(), references]
        if NATIVE in self.comment(capture):
            orders = [sorted(order, key=lambda data: data[12:14] == TAG[:2]) for order in orders]
        self.assertEqual(*orders)

    def test_filter_for_tags(self):
        """Most NICs strip them."""
        capture = self.start("-Q", "in", "-f", "vlan and icmp")
        addresses = net.frame(60)[:12]
        frames = [addresses + TAG + ICMP + bytes(rest) for rest in (60, 1000)]
        self.pair.send_all([tagged(100, 1), addresses + ICMP + bytes(60), *frames])
        capture.wait_packets(2)
        self.assertEqual(capture.finish().data(), frames)
        self.assertNotIn("VLAN", capture.text())  # no warning: there is nothing to warn of

    def test_list(self):
        status, out, _ = xdptap("-D", namespace=self.pair.near)
        row, = (line for line in out.decode().splitlines() if " near " in line)
        self.assertEqual(status, 0)
        self.assertIn(self.row, " ".join(row.split()))

    def test_kill(self):
        """SIGKILL in each mode that can be asked for: what it changed comes back."""
        before = self.pair.offloads()
        for options in ((), ("--mode", "generic"), ("--mode", "native")):
            with self.subTest(options):
                capture = self.enterContext(Standalone(self.pair.near, self.path("out"), "-i", "near", *options))
                wait_until(lambda c=capture: b"Capturing on" in c.stderr() or c.has_ended(), "the capture")
                if capture.has_ended():  # no native mode
                    continue
                capture.signal(signal.SIGKILL)
                capture.wait()
                self.assert_free()
                wait_until(lambda: self.pair.offloads() == before, f"the offloads of before: {before}")

    def test_end_of_modes(self):
        """The same for a capture that ends as it should, when it has ended."""
        before = self.pair.offloads()
        for mode in ("generic", "native"):
            with self.subTest(mode):
                capture = self.enterContext(Standalone(self.pair.near, self.path("out"), "-i", "near", "--mode", mode))
                wait_until(lambda c=capture: b"Capturing on" in c.stderr() or c.has_ended(), "the capture")
                if not capture.has_ended():
                    capture.finish()
                self.assertEqual(self.pair.offloads(), before)

    def test_stream(self):
        """A TCP stream, which NICs segment and merge, is captured as it was sent."""
        data = os.urandom(LENGTH)
        capture = self.start("-Q", "in", "-B", "64")
        server = self.pair.near.socket(bind=(net.NEAR_IP, 0))
        server.listen()
        server.settimeout(harness.DEADLINE)
        port = server.getsockname()[1]
        with net.Process(["python3", "-c", "import socket, sys\n"
                          f"with socket.create_connection(('{net.NEAR_IP}', {port})) as s:\n"
                          "\ts.sendall(sys.stdin.buffer.read())"], self.pair.far, stdin=self.file(data)):
            connection, _ = server.accept()
            connection.settimeout(harness.DEADLINE)
            received = bytearray()
            while some := connection.recv(1 << 20):
                received += some
            connection.close()
        server.close()
        self.assertEqual(hashlib.sha256(received).digest(), hashlib.sha256(data).digest())
        self.assertEqual(reassemble(capture.finish().data(), port), data)

    def file(self, data):
        file = self.enterContext(tempfile.TemporaryFile())
        file.write(data)
        file.seek(0)
        return file


class Jumbo(Nic):
    """The same with a large MTU."""

    def setUp(self):
        self.mtu = MAX_MTU.get(self.driver, 9000)
        super().setUp()

    test_no_datagram_is_lost = test_filter_for_tags = test_list = None
    test_kill = test_end_of_modes = test_stream = None

    def test_same_as_tcpdump(self):
        frames = [net.frame(size, size) for size in (60, 1514, self.mtu - 1000, self.mtu + 14)]
        references, capture = self.send_for(self.start("-Q", "in"), frames, "all.pcap")
        self.assertCountEqual(capture.data(), frames)
        self.assertEqual(capture.data(), [packet.data for packet in references])


class Native(Nic):
    """On request, also where frames that wait at that moment are dropped."""
    test_nothing_is_disturbed = test_no_datagram_is_lost = test_list = test_kill = test_end_of_modes = None

    def start(self, *options, **more):
        return super().start("--mode", "native", *options, **more)


class Silent(Nic):
    """A driver that accepts a program in native mode and does not run it."""
    test_nothing_is_disturbed = test_no_datagram_is_lost = test_same_as_tcpdump = None
    test_filter_for_tags = test_list = test_kill = test_end_of_modes = test_stream = None

    def test_it_is_told(self):
        capture = self.start("-Q", "in", "--mode", "native")
        with net.Process(["ping", "-q", "-i", "0.05", net.NEAR_IP], self.pair.far):
            capture.wait_for('"near" receives frames, but the xdp program there runs for none of them')
        self.assertEqual(capture.finish().packets, [])


class Untainted(Nic):
    """A device whose offloads cannot be turned off: the kernel warns if somebody tries."""
    test_nothing_is_disturbed = test_no_datagram_is_lost = test_same_as_tcpdump = None
    test_filter_for_tags = test_list = test_kill = test_end_of_modes = test_stream = None

    def test_no_warning(self):
        before = taint()
        self.start().finish()
        self.assertEqual(taint(), before)


class Stacked(Nic):
    """A program in generic mode turns off LRO also on what its device is stacked on."""
    test_nothing_is_disturbed = test_no_datagram_is_lost = test_same_as_tcpdump = None
    test_filter_for_tags = test_list = test_kill = test_end_of_modes = test_stream = None

    def test_it_comes_back(self):
        # a VLAN would turn it off itself
        self.pair.near.ip("link", "add", "link", "near", "name", "upper", "type", "macvlan", "mode", "private")
        self.pair.near.ip("link", "set", "upper", "up")
        before = self.pair.offloads()
        self.assertEqual(before["large-receive-offload"], "on")
        for end in signal.SIGINT, signal.SIGKILL:
            with self.subTest(end):
                capture = self.start("--mode", "generic", interface="upper")
                self.assertEqual(self.pair.offloads()["large-receive-offload"], "off")
                capture.signal(end)
                capture.wait()
                wait_until(lambda: self.pair.offloads() == before, f"the offloads of before: {before}")


def classes():
    for number, words in enumerate(cable.NICS):
        driver, way, row = EXPECTED[words]
        bases = [Nic, Jumbo] + [Silent] * ("mrg_rxbuf=off" in words) + [Untainted] * ("offloads=off" in words)
        bases += [Stacked] * (driver == "vmxnet3") + [Native] * (words == "virtio-net-pci")
        for base in bases:
            name = f"{base.__name__} {words}"
            yield name, type(name, (base,), {"number": number, "words": words, "driver": driver, "way": way,
                                      "row": row})


if cable.NICS:
    cable.load_drivers()
globals().update(classes())
del Nic, Jumbo, Native, Silent, Untainted, Stacked
harness.main(lambda: None if cable.NICS else "this machine has no pairs of NICs")
