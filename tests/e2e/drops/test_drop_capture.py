#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The capture point "drop": options, filters, namespaces, long frames, and what the file says."""
import os
import re
import socket
import struct
import subprocess

import drops
import harness
import net
import openvswitch
from captures import Capture
from devices import MODPROBE
from drops import INBOUND, DropCase, ip4, udp
from program import NOBODY, XDPTAP, Case, Wireshark, xdptap

N = 5
COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "extcap", "xdptap.bash")


class Refused(Case):
    def test_sentence(self):
        if drops.reasons():
            self.skipTest("this kernel says why it drops packets")
        status, _, err = xdptap("-i", "near", "--point", "drop", "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "this kernel", "Linux 6.1")


class Choice(DropCase):
    FRAMES = [udp(9000), udp(9001, wrong=1), ip4(bytes(30), 200)]
    REASONS = ["NO_SOCKET", "UDP_CSUM", "IP_NOPROTO"]

    def check(self, numbers, *options):
        capture = self.capture(*options)
        self.pair.send_all(self.FRAMES)
        capture.wait_packets(len(numbers))
        found = self.read(capture.finish())
        self.assertEqual([d.data for d in found], [self.FRAMES[n] for n in numbers])

    def test_reasons(self):
        self.check([0, 1, 2])
        self.check([1, 2], "--reason", "UDP_CSUM,ip_noproto")
        self.check([0, 2], "--not-reason", "SKB_DROP_REASON_UDP_CSUM")

    def test_filter(self):
        self.check([0], "-f", "udp port 9000")
        self.check([0, 1], "-f", f"udp and host {net.FAR_IP} and ether src {net.FAR_MAC}")
        self.check([2], "-f", "ip proto 200 and len < 100")

    def test_harmless(self):
        """A frame for another host is nothing to worry about, unless asked for."""
        self.pair.near.ip("link", "set", "near", "promisc", "on")
        others = bytes.fromhex("02000000ffff") + udp(9000)[6:]
        for options, wanted in (((), [udp(9002)]), (("--reason", "OTHERHOST"), [others])):
            capture = self.capture(*options)
            self.pair.send_all([others, udp(9002)])
            capture.wait_packets(len(wanted))
            self.assertEqual([d.data for d in self.read(capture.finish())], wanted)

    def test_list(self):
        self.assertIn("NO_SOCKET", drops.reasons())
        self.assertTrue(drops.reasons()["OTHERHOST"])
        self.assertFalse(drops.reasons()["NOT_SPECIFIED"])
        self.assertEqual(xdptap("--list-reasons", user=NOBODY)[0], 0)

    def complete(self, *words):
        """What bash offers for the last word."""
        script = ('source "$0"; program=$1; shift; COMP_WORDS=(xdptap "$@"); COMP_CWORD=$#; '
                  '_xdptap "$program"; printf "%s\n" "${COMPREPLY[@]}"')
        return subprocess.check_output(["bash", "-c", script, COMPLETION, XDPTAP, *words], text=True).split()

    def test_completion(self):
        """Names as the running kernel has them, also the second one of a list."""
        self.assertEqual(set(self.complete("--reason", "")), set(drops.reasons()))
        self.assertEqual(self.complete("--reason", "=", "UDP_CS"), ["UDP_CSUM"])
        self.assertEqual(self.complete("--not-reason", "UDP_CSUM,TCP_CSU"), ["UDP_CSUM,TCP_CSUM"])
        self.assertEqual(self.complete("--with-d"), ["--with-drops"])
        self.assertIn("lo", self.complete("-i", ""))

    def test_wrong_options(self):
        for options, word in ((("--point", "drop", "--reason", "NO_SUCH"), "--list-reasons"),
                              (("--reason", "NO_SOCKET"), "--point drop"),
                              (("--point", "drop", "--format", "pcap"), "pcapng"),
                              (("--point", "drop", "--with-drops"), "--with-drops"),
                              (("--point", "drop", "--direction", "in"), "--direction")):
            status, _, err = xdptap("-i", "near", "-w", self.path("x"), *options, namespace=self.pair.near)
            self.assertEqual(status, 2, err)
            self.assert_sentence(err, word)


class Subsystem(DropCase):
    """A module may have reasons of its own."""

    def setUp(self):
        if drops.kernel() < (6, 6):
            self.skipTest("needs Linux 6.6, in which openvswitch got its reasons")
        if harness.OWN_MACHINE:
            subprocess.run([MODPROBE, "openvswitch"], check=False)
        if not os.path.exists("/sys/kernel/btf/openvswitch"):
            self.skipTest("this machine has not loaded openvswitch")
        super().setUp()

    def test_list(self):
        self.assertRegex(xdptap("--list-reasons")[1].decode(), r"(?m)^OVS_DROP_\w+$")

    def test_packet(self):
        frames = [net.frame(60 + n, n) for n in range(N)]
        openvswitch.drop_all_like(self.pair.near, "near", frames[0])
        for options in (), ("--reason", "OVS_DROP_LAST_ACTION"):
            capture = self.capture(*options)
            self.pair.send_all(frames)
            capture.wait_packets(N)
            found = self.read(capture.finish())
            self.assertEqual([(d.data, d.reason, d.interface) for d in found],
                             [(frame, "OVS_DROP_LAST_ACTION", "near") for frame in frames])


class Scope(DropCase):
    def test_other_namespace(self):
        """Drops of far are none of near's, although the interfaces have the same index there."""
        capture = self.capture(interface="any")
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"dropped by far", (net.FAR_IP, 9000))
        self.pair.send_all([udp(9000)])
        capture.wait_packets(1)
        self.assertEqual([d.data for d in self.read(capture.finish())], [udp(9000)])

    def test_one_interface(self):
        self.pair.add("near2", "far2")
        capture = self.capture()
        self.pair.send_all([udp(9000)], "far2")
        self.pair.send_all([udp(9001)])
        capture.wait_packets(1)
        self.assertEqual([d.data for d in self.read(capture.finish())], [udp(9001)])

    def test_all_interfaces(self):
        self.pair.add("near2", "far2")
        capture = self.capture(interface="any")
        self.pair.send_all([udp(9000)], "far2")
        self.pair.send_all([udp(9001)])
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"local", ("127.0.0.1", 9002))
        capture.wait_packets(3)
        finished = capture.finish()
        found = self.read(finished)
        self.assertEqual([(d.interface, d.direction) for d in found],
                         [("near2", INBOUND), ("near", INBOUND), ("lo", INBOUND)])
        self.assertEqual(found[2].data[-5:], b"local")
        self.assertEqual({i.option("if_name"): i["linktype"] for i in finished.interfaces},
                         {"lo": 1, "lo:ip": 101, "near": 1, "near:ip": 101, "near2": 1, "near2:ip": 101,
                          "no-device": 101})

    def test_later_interface(self):
        """It joins. What it drops before that has lost its link-layer header."""
        capture = self.capture(interface="any")
        self.pair.add("near2", "far2")

        def has_joined():
            self.pair.send_all([udp(9000)], "far2")
            with open(capture.file, "rb") as file:
                return b"near2" in file.read()
        harness.wait_until(has_joined, "the interface")
        self.pair.send_all([udp(9000)], "far2")
        found = [(one.interface, one.data) for one in self.read(capture.finish())]
        self.assertEqual(found[-1], ("near2", udp(9000)))
        self.assertLessEqual(set(found), {("near2", udp(9000)), ("no-device", udp(9000)[14:])})

    def test_interface_goes(self):
        capture = self.capture()
        self.pair.send_all([udp(9000)])
        capture.wait_packets(1)
        self.pair.near.ip("link", "del", "near")
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), "near", "deleted")

    def test_with_drops(self):
        """The frame, and then its end."""
        capture = self.start("--with-drops")
        frames = [udp(9000 + n) for n in range(N)]
        for number, frame in enumerate(frames):
            self.pair.send_all([frame])
            capture.wait_packets(2 * number + 2)
        finished = capture.finish()
        received = [b for b in finished.named("EPB") if b["data"] in frames]
        self.assertEqual([b["data"] for b in received], [f for f in frames for _ in range(2)])
        self.assertEqual([finished.interfaces[b["interface"]].option("if_name") for b in received],
                         ["near", "near:drop"] * N)


class Bytes(DropCase):
    def check_large(self, mtu):
        data = bytes(range(256)) * 200
        self.pair.near.ip("link", "set", "lo", "mtu", str(mtu))
        capture = self.capture(interface="lo")
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, ("127.0.0.1", 9000))
        capture.wait_packets(1)
        found, = self.read(capture.finish())
        self.assertEqual(len(found.data), 42 + len(data))
        self.assertTrue(found.data.endswith(data), "other bytes")

    def test_list_of_fragments(self):
        """A datagram that the stack has reassembled."""
        self.check_large(1500)

    def test_pages(self):
        if not any(map(net.has_symbol, ("vmemmap_base", "memstart_addr"))):  # on x86-64, on arm64
            self.skipTest("this kernel does not say where its pages are")
        self.check_large(65536)

    def test_snaplen(self):
        capture = self.capture("-s", "60")
        self.pair.send_all([udp(9000, bytes(1000))])
        capture.wait_packets(1)
        finished = capture.finish()
        self.assertEqual([(p.length, p.data) for p in finished.packets], [(1042, udp(9000, bytes(1000))[:60])])

    def test_vlan_tag(self):
        """The driver has stripped the tag: it is back where it was."""
        self.pair.near.run("tc", "qdisc", "add", "dev", "near", "clsact")
        self.pair.near.run("tc", "filter", "add", "dev", "near", "ingress", "bpf", "da", "obj",
                           os.environ["TC_SHOOT"], "sec", "tc")
        tagged = net.frame(60)[:12] + bytes.fromhex("8100 2ffe 88b5") + bytes(46)
        capture = self.capture("-f", "vlan 4094 and ether[16:2] == 0x88b5")
        self.pair.send_all([net.frame(60), tagged])
        capture.wait_packets(1)
        self.assertEqual([d.data for d in self.read(capture.finish())], [tagged])


class User(DropCase):
    """Without root: with file capabilities, as --setup grants them."""

    def test_capabilities(self):
        program = self.everybodys()
        subprocess.run(["setcap", "cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon+ep", program], check=True)
        os.chmod(self.folder, 0o777)
        for options in (("--point", "drop"), ("--point", "tc", "--with-drops"), ("--reason", "no_socket", "--point", "drop",
                                                                               "-f", "udp")):
            with self.subTest(options), net.Process(
                    [program, "-i", "near", "-w", self.path("out"), *options], self.pair.near, user=NOBODY,
                    env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0")) as capture:
                capture.wait_for("Capturing on")
                self.pair.send_all([udp(9000)])
                harness.wait_until(self.has_drop, "the drop")
                capture.signal()
                self.assertEqual(capture.wait(), 0, capture.text())
                found = [b for b in Capture(self.path("out")).named("EPB") if b.option("opt_comment")]
                self.assertEqual([b["data"] for b in found], [udp(9000)])
                self.assertTrue(found[0].option("opt_comment").startswith("NO_SOCKET"))
                os.unlink(self.path("out"))

    def has_drop(self):
        with open(self.path("out"), "rb") as file:
            return b"NO_SOCKET" in file.read()


class Cost(DropCase):
    def test_nothing_on_the_way(self):
        """A packet that is not dropped meets no program of ours."""
        capture = self.capture("-f", "udp")
        self.assertNotIn("xdp", self.pair.near.link("near"))
        self.assertEqual(self.pair.near.link("near")["promiscuity"], 0)
        self.assertEqual([hook for hook in net.bpftool("net", "show", namespace=self.pair.near) for kind in hook
                          if hook[kind]], [])
        self.assertEqual({kind for number in net.bpf_objects(capture.pid)["prog"]
                          for kind in [net.bpftool("prog", "show", "id", str(number))["type"]]}, {"raw_tracepoint"})
        self.assertFalse(self.read(capture.finish()))


class InWireshark(DropCase):
    def test_listed(self):
        status, out, _ = Wireshark(self.folder).run("-D", namespace=self.pair.near)
        self.assertEqual(status, 0)
        self.assertIn("xdptap-drops", out.decode())

    def test_dialog(self):
        """Of a new option, somebody must say whether it is for drops."""
        _, out, _ = xdptap("--extcap-config", "--extcap-interface", "xdptap-drops", namespace=self.pair.near)
        self.assertEqual(re.findall(r"^arg .*\{call=--([a-z-]+)\}", out.decode(), re.MULTILINE),
                         ["snaplen", "reason", "not-reason", "buffer-size", "netns", "tls-keylog", "log-level", "log-file"])

    def test_tshark(self):
        wireshark = Wireshark(self.folder)
        frames = [udp(9000 + n) for n in range(N)]
        with wireshark.tshark("-i", "xdptap-drops", "-f", "udp", "-c", str(N), "-T", "fields", "-e",
                              "frame.interface_name", "-e", "frame.comment", "-e", "udp.dstport",
                              namespace=self.pair.near) as tshark:
            harness.wait_until(lambda: net.captures(tshark.pid) or tshark.has_ended(), "the capture")
            self.pair.send_all(frames)
            self.assertEqual(tshark.wait(), 0, tshark.text())
            lines = [line.split("\t") for line in tshark.stdout().decode().splitlines()]
        self.assertEqual([line[0] for line in lines], ["near"] * N)
        self.assertEqual([line[1].split()[0] for line in lines], ["NO_SOCKET"] * N)
        self.assertEqual([line[2] for line in lines], [str(9000 + n) for n in range(N)])


class Flood(DropCase):
    def test_books(self):
        """More than the ring holds: each drop is written or counted as lost."""
        count = 30000 // harness.SLOWNESS
        before, = self.counters("UdpNoPorts")
        capture = self.capture("-B", "1", "--log-file", self.path("log"), "--log-level", "info")
        with self.pair.sender() as sender:
            for n in range(count):
                sender.send(udp(9000, struct.pack(">I", n) + bytes(300)))
        harness.wait_until(lambda: self.counters("UdpNoPorts")[0] - before == count, "the drops")
        finished = capture.finish()
        total = finished.statistics[0]
        self.assertGreaterEqual(total.option("isb_ifrecv"), count)
        self.assertEqual(total.option("isb_ifrecv"), total.option("isb_osdrop") + len(finished.packets))


if __name__ == "__main__":
    harness.main()
