#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A capture does not affect traffic, and captures do not disturb each other."""
import os
import signal
import socket
import threading

import harness
import net
from captures import read_pcap
from program import Case, xdptap


class Traffic(Case):
    def settings(self):
        """Returns the state of the interface that a capture could change."""
        link = self.pair.near.link("near")
        features = self.pair.near.run("ethtool", "-k", "near")
        return {key: link.get(key) for key in ("flags", "mtu", "promiscuity", "allmulti", "qdisc",
                                               "num_rx_queues", "xdp")}, features

    def tcp(self, size, back=False):
        """Sends this number of bytes from far to near, or back, and reads them there."""
        ends = (self.pair.far, net.FAR_IP), (self.pair.near, net.NEAR_IP)
        (sending, _), (receiving, address) = reversed(ends) if back else ends
        server = receiving.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(address, 0))
        client = sending.socket(socket.AF_INET, socket.SOCK_STREAM)
        with server, client:
            server.settimeout(harness.DEADLINE)
            client.settimeout(harness.DEADLINE)
            server.listen()
            client.connect(server.getsockname())
            accepted, _ = server.accept()
            data = os.urandom(size)
            sender = threading.Thread(target=lambda: (client.sendall(data), client.close()))
            sender.start()
            with accepted:
                accepted.settimeout(harness.DEADLINE)
                received = b"".join(iter(lambda: accepted.recv(1 << 16), b""))
            sender.join()
        self.assertEqual(received, data)

    def test_passes(self):
        for mode in ("native", "generic"):
            with self.subTest(mode):
                before = self.settings()
                capture = self.start("--mode", mode, file=mode)
                self.pair.ping(10)
                self.tcp(3_000_000)
                finished = capture.finish()
                self.assertGreater(sum(len(data) for data in finished.data()), 3_000_000)
                self.assertEqual(self.settings(), before)

    def test_settings_after_a_kill(self):
        before = self.settings()
        capture = self.start()
        capture.signal(signal.SIGKILL)
        capture.wait()
        self.assert_free()
        self.assertEqual(self.settings(), before)

    def test_vlan_of_the_wire(self):
        """A VLAN tag that arrives in the frame stays there."""
        tagged = net.frame(60)[:12] + bytes.fromhex("8100 000a 88b5") + bytes(46)
        self.pair.far.run("ethtool", "-K", "far", "txvlan", "off")
        capture = self.start()
        with self.pair.sender() as sender:
            sender.send(tagged)
        capture.wait_packets(1)
        self.assertEqual(capture.finish().data(), [tagged])

    def test_vlan_taken_by_the_driver(self):
        """A VLAN tag that the driver strips is restored."""
        self.pair.far.ip("link", "set", "far", "promisc", "on")
        tagged = net.frame(60)[:12] + bytes.fromhex("8100 2ffe 88b5") + bytes(46)
        for point in (("--point", "xdp"), ("--point", "tc"), ("--mode", "generic")):
            with self.subTest(point):
                with net.tcpdump(self.pair.near, self.path("tcpdump.pcap")) as reference:
                    capture = self.start(*point)
                    with self.pair.sender() as sender, self.pair.sender("near") as back:
                        sender.send(tagged)
                        back.send(tagged)
                    capture.wait_packets(2)
                    harness.wait_until(lambda: len(read_pcap(self.path("tcpdump.pcap"))) >= 2,
                                       "tcpdump's packets")
                    reference.signal()
                    reference.wait()
                capture = capture.finish()
                self.assertEqual(capture.data(), [tagged, tagged])
                self.assertEqual([p.data for p in read_pcap(self.path("tcpdump.pcap"))],
                                 [tagged, tagged])

    def test_promiscuous(self):
        """The interface is promiscuous only while a capture that requests it runs."""
        def promiscuity():
            return self.pair.near.link("near")["promiscuity"]

        capture = self.start()
        self.assertEqual(promiscuity(), 1)
        capture.finish()
        self.assertEqual(promiscuity(), 0)
        capture = self.start("-p")
        self.assertEqual(promiscuity(), 0)
        capture.finish()
        capture = self.start()
        capture.signal(signal.SIGKILL)
        capture.wait()
        harness.wait_until(lambda: promiscuity() == 0, "the end of promiscuous mode", harness.SOON)

    def test_segments(self):
        """Large TCP segments (TSO) are captured complete."""
        capture = self.start("-Q", "out")
        self.tcp(2_000_000, back=True)
        packets = capture.finish().named("EPB")
        self.assertGreater(max(p["caplen"] for p in packets), 1514)
        self.assertTrue(all(p["caplen"] == p["len"] for p in packets))

    def test_fragments(self):
        """Datagrams larger than the MTU arrive, and each fragment is captured."""
        server = self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 0))
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        capture = self.start()
        with server, client:
            server.settimeout(harness.DEADLINE)
            client.sendto(bytes(4000), server.getsockname())
            self.assertEqual(len(server.recv(65536)), 4000)
        capture.wait_packets(3)
        self.assertEqual(len(capture.finish().packets), 3)


class Several(Case):
    def test_second_on_the_same(self):
        """A second capture at the same point fails, naming the first, which continues."""
        first = self.start()
        status, _, err = xdptap("-i", "near", "-w", self.path("second"), "--point", "xdp",
                                namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "near", str(self.pair.near.xdp()["prog"]["id"]), "tap_xdp")
        self.pair.send(3)
        first.wait_packets(3)
        self.assertEqual(len(first.finish().packets), 3)
        self.start(file="third").finish()

    def test_on_two(self):
        self.pair.add("near2", "far2")
        first = self.start(file="first")
        second = self.start(interface="near2", file="second")
        for interface, number in (("far", 1), ("far2", 2)):
            with self.pair.sender(interface) as sender:
                sender.send(net.frame(100, number))
        first.wait_packets(1)
        second.wait_packets(1)
        self.assertEqual(second.finish().data(), [net.frame(100, 2)])
        self.assert_free("near2")
        with self.pair.sender() as sender:
            sender.send(net.frame(100, 3))
        first.wait_packets(2)
        self.assertEqual(first.finish().data(), [net.frame(100, 1), net.frame(100, 3)])

    def test_second_at_another_point(self):
        """With --point auto, the second capture finds another point, and both see everything. Where it traces
        the first one's program, one side is enough."""
        first = self.start(file="first")
        second = self.start("--at", "entry", file="second")
        self.pair.ping(3)
        first.wait_packets(6)
        second.wait_packets(6)
        self.assertEqual(second.finish().data(), first.finish().data())
        self.assert_free()

    def test_somebody_elses_program(self):
        """With --point auto, we capture the frames that the other program passes, and it stays unchanged."""
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        before = self.pair.near.xdp()
        capture = self.start("--at", "exit")
        sent = self.pair.send(5)
        capture.wait_packets(5)
        self.assertEqual(self.pair.near.xdp(), before)
        self.assertEqual(capture.finish().data(), sent)
        self.assertEqual(self.pair.near.xdp(), before)

    def test_nothing_is_left(self):
        """Captures in a row leave no program and no map in the kernel."""
        for options in ((), ("--point", "tc"), ("--mode", "generic")):
            capture = self.start(*options)
            objects = net.bpf_objects(capture.pid)
            capture.finish()
            self.assert_unloaded(objects)

    def test_hook_is_free_at_once(self):
        """As soon as xdptap exits, another program can be attached."""
        for _ in range(10):
            self.start().finish()
            self.assertIsNone(self.pair.near.xdp())


if __name__ == "__main__":
    harness.main()
