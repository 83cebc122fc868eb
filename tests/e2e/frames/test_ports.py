#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bridges, bonds, teams and VRFs, and the ports that belong to them: what is captured where, and what may change
meanwhile."""
import itertools
import os

import harness
import net
import tracing
from captures import Capture, read_pcap
from program import Case, xdptap
from tracing import DROP, KEEP, PASS, TX, WRITE, TraceCase, order, sides

KINDS = {
    "bridge": ("bridge",),
    "bond": ("bond", "mode", "active-backup"),
    "team": ("team",),
    "vrf": ("vrf", "table", "77"),
}
IN, OUT = 1, 2  # the direction in a packet's flags
ENDS = [bytes.fromhex(mac.replace(":", "")) for mac in (net.NEAR_MAC, net.FAR_MAC)]


def is_between_ends(data):
    """Whether near and far talk to each other: no membership report, and nothing of the bridge's own."""
    return data[:6] in ENDS and data[6:12] in ENDS



class Ports(Case):
    def add(self, name, *kind):
        """Adds a device in the namespace of near."""
        try:
            self.pair.near.ip("link", "add", name, "type", *kind)
        except RuntimeError as error:
            self.skipTest(f"this kernel has no {kind[0]}: {error}")

    def join(self, port, device="top"):
        self.pair.near.ip("link", "set", port, "down")
        self.pair.near.ip("link", "set", port, "master", device)
        self.pair.near.ip("link", "set", port, "up")

    def make(self, kind):
        """Makes "top", to which near belongs, and gives it near's address."""
        near = self.pair.near
        self.add("top", *KINDS[kind])
        owner = "near" if kind == "vrf" else "top"
        if kind == "bridge":
            near.ip("link", "set", "top", "address", net.NEAR_MAC)
        near.ip("link", "set", "top", "up")
        self.join("near")
        near.ip("addr", "flush", "dev", "near")
        near.ip("addr", "add", f"{net.NEAR_IP}/24", "dev", owner)
        near.ip("neigh", "replace", net.FAR_IP, "lladdr", net.FAR_MAC, "dev", owner, "nud", "permanent")

    def wait_reachable(self):
        """A port may need a moment before it forwards."""
        def answers():
            with net.Process(["ping", "-q", "-c", "1", "-W", "1", net.NEAR_IP], self.pair.far) as ping:
                return ping.wait() == 0
        harness.wait_until(answers, "an answer")


class Everywhere(Ports):
    """The same frames as tcpdump's, on the device and on its port."""

    def references(self):
        dumps = {}
        for device, (direction, bits) in itertools.product(("near", "top"), (("in", IN), ("out", OUT))):
            path = self.path(f"{device}-{direction}.pcap")
            dumps[device, bits] = path, self.enterContext(
                net.tcpdump(self.pair.near, path, direction, interface=device))
        return dumps

    def traffic(self):
        self.pair.far.ping(net.NEAR_IP, 3)
        self.pair.near.ping(net.FAR_IP, 3)
        self.pair.send(3)

    def check(self, kind):
        """Left to choose, and at tc, at the same time."""
        self.make(kind)
        self.wait_reachable()
        dumps = self.references()
        captures = {(device, point): self.start("--point", point, interface=device, file=f"{device}-{point}")
                    for device, point in itertools.product(("near", "top"), ("auto", "tc"))}
        self.traffic()
        expected = {}
        for where, (path, dump) in dumps.items():
            harness.wait_until(lambda p=path: net.is_constant(lambda: os.path.getsize(p), 10), "tcpdump")
            dump.signal()
            dump.wait()
            expected[where] = sorted(packet.data for packet in read_pcap(path) if is_between_ends(packet.data))
            self.assertGreaterEqual(len(expected[where]), 6)
        for (device, point), capture in captures.items():
            blocks = capture.finish().named("EPB")
            for bits in (IN, OUT):
                with self.subTest(device=device, point=point, direction=bits):
                    self.assertEqual(
                        sorted(block["data"] for block in blocks if block.option("epb_flags") & 3 == bits
                               and is_between_ends(block["data"])), expected[device, bits])

    def test_bridge(self):
        self.check("bridge")

    def test_bond(self):
        self.check("bond")

    def test_team(self):
        """Without a daemon it delivers what it receives, and sends nothing."""
        self.make("team")
        dumps = self.references()
        captures = [self.start("-Q", "in", *options, interface="top", file=name)
                    for name, options in (("xdp", ()), ("tc", ("--point", "tc")))]
        sent = self.pair.send(5)
        path, dump = dumps["top", IN]
        harness.wait_until(lambda: os.path.getsize(path) >= 24 + 5 * (16 + 100), "tcpdump")
        dump.signal()
        dump.wait()
        self.assertEqual([p.data for p in read_pcap(path) if is_between_ends(p.data)], sent)
        for capture in captures:
            capture.wait_packets(5)
            self.assertEqual([data for data in capture.finish().data() if is_between_ends(data)], sent)


class Vrf(Ports):
    def test_frames_pass_its_ports(self):
        """They pass no capture point of the VRF itself, which a sentence says; on its port they are all there."""
        self.make("vrf")
        status, _, err = xdptap("-i", "top", "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, '"top"', "VRF", "near")
        capture = self.start(interface="any")
        self.pair.ping(3)
        capture.wait_packets(6)
        finished = capture.finish()
        self.assertNotIn("top", {i.option("if_name") for i in finished.interfaces})


class AnyOfAll(Ports):
    def test_bridge_before_its_port(self):
        """While a bridge has an XDP program its ports can have none: so it is captured at tc, and they are not, not even
        one that joins later. No warning names a program of ours."""
        self.add("top", "bridge")
        self.pair.near.ip("link", "set", "top", "up")
        for number in (2, 3):
            self.pair.add(f"near{number}", f"far{number}")
        self.pair.near.ip("link", "set", "near3", "down")
        self.join("near2")
        log = self.path("log")
        capture = self.start("--log-file", log, "--log-level", "info", interface="any")
        self.join("near3")

        def text():
            with open(log, encoding="utf-8") as file:
                return file.read()

        harness.wait_until(lambda: "near3: received frames at " in text(), "near3")
        frames = [net.frame(100, number) for number in (2, 3)]
        for number, frame in zip((2, 3), frames):
            self.pair.send_all([frame], f"far{number}")
        self.assertIn("top: received frames at tc-ingress", text())
        self.assertIn("near2: received frames at xdp, native mode", text())
        self.assertIn("near3: received frames at xdp, native mode", text())
        harness.wait_until(lambda: net.is_constant(lambda: os.path.getsize(capture.file)), "the frames")
        finished = capture.finish()
        self.assertNotIn(b"can have none", capture.stderr())
        names = [interface.option("if_name") for interface in finished.interfaces]
        for number, frame in zip((2, 3), frames):
            self.assertIn((f"near{number}", frame), [(names[block["interface"]], block["data"])
                                                     for block in finished.named("EPB")])


class Changes(Ports):
    """Ports that come and go during a capture."""

    def send_from(self, interface, number):
        frame = net.frame(100, number)
        self.pair.send_all([frame], interface)
        return frame

    def test_captured_device_gets_a_port(self):
        """A bond gets ports that have no native XDP, or a program of their own."""
        self.make("bond")
        self.pair.add("near2", "far2")
        self.add("poor", "dummy")
        self.pair.near.load_xdp(os.environ["XDP_PASS"], "near2", "xdpdrv")
        self.wait_reachable()
        capture = self.start("-Q", "in", interface="top")
        for port in ("poor", "near2"):
            self.join(port)
        first = self.send_from("far", 1)
        capture.wait_packets(1)
        self.pair.near.ip("link", "set", "top", "type", "bond", "active_slave", "near2")
        second = self.send_from("far2", 2)
        capture.wait_packets(2)
        self.assertEqual(capture.finish().data(), [first, second])
        self.assertNotIn("xdp", self.pair.near.link("top"))

    def test_inactive_port(self):
        """What a bond does not deliver is not captured on it."""
        self.make("bond")
        self.pair.add("near2", "far2")
        self.join("near2")
        self.wait_reachable()
        capture = self.start("-Q", "in", interface="top")
        self.send_from("far2", 1)
        wanted = self.send_from("far", 2)
        capture.wait_packets(1)
        self.assertEqual(capture.finish().data(), [wanted])

    def test_native(self):
        """On request. Then a bond's program runs on each port, inactive ones included."""
        self.make("bond")
        self.pair.add("near2", "far2")
        self.join("near2")
        self.wait_reachable()
        capture = self.start("-Q", "in", "--mode", "native", interface="top")
        frames = [self.send_from("far2", 1), self.send_from("far", 2)]
        capture.wait_packets(2)
        finished = capture.finish()
        self.assertEqual(sorted(finished.data()), sorted(frames))
        self.assertIn("native", finished.interfaces[0].option("opt_comment"))

    def wait_up(self):
        harness.wait_until(lambda: self.pair.near.link("near")["operstate"] == "UP", "the link")

    def check_joins(self, kind, *options):
        self.add("top", *KINDS[kind])
        self.pair.near.ip("link", "set", "top", "up")
        self.pair.near.ip("link", "set", "near", "up")  # a bond that goes leaves its port down
        self.wait_up()
        capture = self.start("-Q", "in", *options)
        first = self.send_from("far", 1)
        capture.wait_packets(1)
        self.join("near")
        self.wait_up()
        second = self.send_from("far", 2)
        capture.wait_packets(2)
        finished = capture.finish().data()
        self.assertEqual([finished[0], finished[-1]], [first, second])
        self.assertEqual(self.pair.near.link("near")["master"], "top")

    def test_captured_port_joins(self):
        for kind, options in (("bridge", ("--mode", "native")), ("bond", ("--mode", "native")),
                              ("bond", ("--point", "tc"))):
            with self.subTest(kind=kind, options=options):
                self.check_joins(kind, *options)
                self.pair.near.ip("link", "del", "top")


class TracedBond(TraceCase):
    """The program of a bond runs with the port as its device."""

    def occupy(self, interface="near"):
        near = self.pair.near
        self.pair.add("near2", "far2")
        self.pair.add("near3", "far3")
        try:
            near.ip("link", "add", "top", "type", *KINDS["bond"])
        except RuntimeError as error:
            self.skipTest(f"this kernel has no bond: {error}")
        for port in ("near", "near2"):
            near.ip("link", "set", port, "down")
            near.ip("link", "set", port, "master", "top")
        near.ip("link", "set", "top", "up")
        super().occupy("top")
        number = str(near.xdp("top")["prog"]["id"])
        net.bpftool("net", "attach", "xdp", "id", number, "dev", "near3", namespace=near)

    def test_every_port(self):
        """And nothing else that the same program runs for."""
        frames = [order(verdict, change, number=number) for number, (verdict, change) in enumerate(
            itertools.product((DROP, PASS, TX), (KEEP, WRITE)))]
        capture = self.trace(interface="top")
        self.pair.send_all(frames[:2], "far3")
        self.pair.send_all(frames[:3], "far")
        self.pair.send_all(frames[3:], "far2")
        capture.wait_packets(2 * len(frames))
        found = sorted(sides(capture.finish()), key=lambda side: (frames.index(
            next(f for f in frames if f[18:] == side.data[18:])), side.verdict is not None))
        self.assertEqual({side.name for side in found}, {f"top:{tracing.PROGRAM}@{at}" for at in ("entry", "exit")})
        self.assertEqual([side.data for side in found],
                         [data for frame in frames for data in (frame, tracing.changed(frame))])
        self.assertEqual([side.verdict for side in found],
                         [verdict for frame in frames for verdict in (None, frame[14])])

    def test_port_that_joins(self):
        capture = self.trace(interface="top")
        self.pair.near.ip("link", "set", "near3", "xdpdrv", "off")
        self.pair.near.ip("link", "set", "near3", "down")
        self.pair.near.ip("link", "set", "near3", "master", "top")
        self.pair.near.ip("link", "set", "near3", "up")
        frame = order(DROP)
        self.pair.send_all([frame], "far3")
        capture.wait_packets(2)
        self.assertEqual([side.data for side in sides(capture.finish())], [frame, frame])

    def test_chosen_by_auto(self):
        capture = self.start("-Q", "in", interface="top")
        self.pair.send_all([order(DROP)])
        capture.wait_packets(2)
        self.assertIsInstance(capture.finish(), Capture)


if __name__ == "__main__":
    harness.main()
