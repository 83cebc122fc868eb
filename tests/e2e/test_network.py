#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A capture changes nothing for those who use the network, and captures do not disturb each other."""
import json
import os
import signal
import socket
import subprocess
import threading

import harness
import net
from program import Case, xdptap


class Traffic(Case):
    def settings(self):
        """Of the interface: what a capture could change."""
        link = self.pair.near.link("near")
        features = subprocess.check_output(
            ["ip", "netns", "exec", self.pair.near.name, "ethtool", "-k", "near"])
        return {key: link.get(key) for key in ("flags", "mtu", "promiscuity", "allmulti", "qdisc",
                                               "num_rx_queues", "xdp")}, features

    def tcp(self, size):
        """Sends so many bytes from far to near: those that arrive."""
        server = self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.NEAR_IP, 0))
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM)
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
        """A tag that is in the frame when it arrives stays there."""
        tagged = net.frame(60)[:12] + bytes.fromhex("8100 000a 88b5") + bytes(46)
        subprocess.run(["ip", "netns", "exec", self.pair.far.name, "ethtool", "-K", "far", "txvlan",
                        "off"], check=True, stdout=subprocess.DEVNULL)
        capture = self.start()
        with self.pair.sender() as sender:
            sender.send(tagged)
        capture.wait_packets(1)
        self.assertEqual(capture.finish().data(), [tagged])

    def test_fragments(self):
        """Datagrams larger than the MTU arrive, and each fragment is seen."""
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
        """It is refused, with the first one's name, and the first goes on."""
        first = self.start()
        status, _, err = xdptap("-i", "near", "-w", self.path("second"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "near", str(self.pair.near.xdp()["prog"]["id"]), "tap_xdp")
        self.pair.ping(3)
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

    def test_the_same_twice(self):
        """-i near -i near cannot be two captures."""
        status, _, err = xdptap("-i", "near", "-i", "near", "-w", self.path("x"),
                                namespace=self.pair.near)
        self.assertNotEqual(status, 0)
        self.assert_sentence(err, "near")
        self.assert_free()

    def test_nothing_is_left(self):
        """In the kernel, of ten captures in a row: no program, no map."""
        def listed(kind):
            return {entry["id"] for entry in json.loads(
                subprocess.check_output(["bpftool", "-j", kind, "list"]))}

        programs, maps = set(), set()
        for _ in range(10):
            capture = self.start()
            program = self.pair.near.xdp()["prog"]["id"]
            shown = subprocess.check_output(["bpftool", "-j", "prog", "show", "id", str(program)])
            programs.add(program)
            maps.update(json.loads(shown)["map_ids"])
            capture.finish()
        self.assertEqual(len(programs), 10)
        self.assertGreaterEqual(len(maps), 10)
        harness.wait_until(lambda: not programs & listed("prog") and not maps & listed("map"),
                           "the kernel to free what was ours")

    def test_hook_is_free_at_once(self):
        """When xdptap has ended the next program can be attached, without waiting."""
        for _ in range(10):
            self.start().finish()
            self.assertIsNone(self.pair.near.xdp())


if __name__ == "__main__":
    harness.main()
