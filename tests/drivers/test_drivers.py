#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures on NICs that QEMU emulates leave their traffic, their links and their offloads alone."""
import hashlib
import os
import re
import signal
import tempfile

import cable
import harness
import net
from captures import read_pcap
from harness import wait_until
from program import Case, Standalone

NATIVE, TC = "received frames at xdp, native mode", "received frames at tc-ingress"
# By the words that the machine was made with: the driver, and what --mode auto does.
EXPECTED = {
    "virtio-net-pci": ("virtio_net", NATIVE),
    "virtio-net-pci,mrg_rxbuf=off": ("virtio_net", TC),
    "virtio-net-pci,ctrl_guest_offloads=off": ("virtio_net", TC),
    "vmxnet3": ("vmxnet3", TC),
    "e1000": ("e1000", TC),
    "e1000e": ("e1000e", TC),
    "rtl8139": ("8139cp", TC),
}
MAX_MTU = {"8139cp": 4000}
TAG = bytes.fromhex("81000064")
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
    words = driver = way = ""

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

    def test_same_as_tcpdump(self):
        # fq_codel of the sender may change their order
        frames = [net.frame(size, size) for size in (60, 64, 128, 777, 1500, 1514)]
        frames += [tagged(size, size) for size in (60, 512, 1500)]
        references, capture = self.send_for(self.start("-Q", "in"), frames, "all.pcap")
        self.assertCountEqual(capture.data(), frames)
        self.assertEqual(capture.data(), [packet.data for packet in references])

    def test_filter_for_tags(self):
        capture = self.start("-Q", "in", "-f", "vlan 100")
        frames = [tagged(100, 1), tagged(1000, 2)]
        self.pair.send_all([net.frame(100), *frames])
        capture.wait_packets(2)
        self.assertEqual(capture.finish().data(), frames)

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

    test_filter_for_tags = test_kill = test_end_of_modes = test_stream = None

    def test_same_as_tcpdump(self):
        frames = [net.frame(size, size) for size in (60, 1514, self.mtu - 1000, self.mtu + 14)]
        references, capture = self.send_for(self.start("-Q", "in"), frames, "all.pcap")
        self.assertCountEqual(capture.data(), frames)
        self.assertEqual(capture.data(), [packet.data for packet in references])


class Silent(Nic):
    """A driver that accepts a program in native mode and does not run it."""
    test_nothing_is_disturbed = test_same_as_tcpdump = test_filter_for_tags = None
    test_kill = test_end_of_modes = test_stream = None

    def test_it_is_told(self):
        capture = self.start("-Q", "in", "--mode", "native")
        with net.Process(["ping", "-q", "-i", "0.05", net.NEAR_IP], self.pair.far):
            capture.wait_for('"near" receives frames, but the xdp program there runs for none of them')
        self.assertEqual(capture.finish().packets, [])


class Untainted(Nic):
    """A device whose offloads cannot be turned off: the kernel warns if somebody tries."""
    test_nothing_is_disturbed = test_same_as_tcpdump = test_filter_for_tags = None
    test_kill = test_end_of_modes = test_stream = None

    def test_no_warning(self):
        before = taint()
        self.start().finish()
        self.assertEqual(taint(), before)


def classes():
    for number, words in enumerate(cable.NICS):
        driver, way = EXPECTED[words]
        bases = [Nic, Jumbo] + [Silent] * ("mrg_rxbuf=off" in words) + [Untainted] * ("offloads=off" in words)
        for base in bases:
            name = f"{base.__name__} {words}"
            yield name, type(name, (base,), {"number": number, "words": words, "driver": driver, "way": way})


if cable.NICS:
    cable.load_drivers()
globals().update(classes())
del Nic, Jumbo, Silent, Untainted
harness.main(lambda: None if cable.NICS else "this machine has no pairs of NICs")
