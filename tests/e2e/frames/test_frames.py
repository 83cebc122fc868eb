#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Frames and time stamps match tcpdump's, byte for byte, at every size."""
import socket
import statistics

import harness
import net
from captures import read_pcap
from program import Case

# Around each boundary: size classes, XDP's linear part, pages, Ethernet's minimum and the MTU.
BORDERS = (18, 60, 64, 128, 256, 512, 1024, 1514, 1518, 1536, 2048, 3072, 3498, 3520, 3840, 4096,
           6144, 8192, 9014)
SIZES = sorted({size for border in BORDERS for size in range(border - 2, border + 3)
                if 14 <= size <= 9014} | {14, 15, *range(14, 9015, 450)})
MS = 10**6


class Frames(Case):
    mtu = 9000

    def compare(self, send, count, *options):
        """Captures what send() causes with xdptap, using these options, and with tcpdump at the same time."""
        direction = options[options.index("-Q") + 1] if "-Q" in options else "both"
        with net.tcpdump(self.pair.near, self.path("tcpdump.pcap"),
                         {"both": "inout"}.get(direction, direction)) as reference:
            capture = self.start(*options)
            self.mode = self.pair.near.xdp()
            send()
            capture.wait_packets(count)
            finished = capture.finish()
            harness.wait_until(lambda: len(read_pcap(self.path("tcpdump.pcap"))) >= count,
                               "tcpdump's packets")
            reference.signal()
            reference.wait()
        seen = read_pcap(self.path("tcpdump.pcap"))
        self.assertEqual(len(finished.packets), count)
        self.assertEqual(finished.data(), [packet.data for packet in seen])
        self.assertEqual([p.length for p in finished.packets], [p.length for p in seen])
        return finished, seen

    def send(self, sizes, namespace="far"):
        self.pair.send_all((net.frame(size, number) for number, size in enumerate(sizes)), namespace)

    def check_sizes(self, *options, sender="far"):
        capture, _ = self.compare(lambda: self.send(SIZES, sender), len(SIZES), *options)
        self.assertEqual([len(data) for data in capture.data()], SIZES)
        self.assertEqual(capture.data(),
                         [net.frame(size, number) for number, size in enumerate(SIZES)])

    def test_icmp(self):
        for direction, count in (("in", 20), ("out", 20), ("both", 40)):
            with self.subTest(direction):
                capture, _ = self.compare(lambda: self.pair.ping(20), count, "-Q", direction)
                self.assertEqual(capture.counters()["ifrecv"], count)

    def test_sizes_native(self):
        self.check_sizes()
        self.assertEqual(self.mode["mode"], 1, "native mode")

    def test_sizes_generic(self):
        self.check_sizes("--mode", "generic")
        self.assertEqual(self.mode["mode"], 2, "generic mode")

    def test_sizes_tc(self):
        self.check_sizes("--point", "tc")
        self.assertIsNone(self.mode)

    def test_sizes_sent(self):
        self.check_sizes(sender="near")

    def test_directions_are_told(self):
        capture, _ = self.compare(lambda: self.pair.ping(3), 6)
        flags = [packet.option("epb_flags") for packet in capture.named("EPB")]
        self.assertEqual([flag & 3 for flag in flags], [1, 2] * 3)

    def test_times(self):
        """The median difference is at most 100 us, and 19 of 20 are at most 1 ms: the others may have been preempted
        between the two time stamps. No time stamp is off by a clock step, and none goes back."""
        capture, reference = self.compare(lambda: self.pair.ping(200), 400)
        times = [packet.ts_ns for packet in capture.packets]
        apart = sorted(abs(packet.ts_ns - ns) for packet, ns in zip(reference, times))
        self.assertLess(statistics.median(apart), MS // 10)
        self.assertLess(apart[len(apart) * 19 // 20], MS)
        self.assertLess(apart[-1], 500 * MS)
        self.assertEqual(times, sorted(times))

    def test_snaplen(self):
        sizes = [14, 63, 64, 65, 1514, 4097, 9014]
        for snaplen in (1, 64, 4096, 262144):
            with self.subTest(snaplen):
                capture = self.start("-s", str(snaplen), file=f"{snaplen}.pcapng")
                self.send(sizes)
                capture.wait_packets(len(sizes))
                packets = capture.finish().packets
                self.assertEqual([p.length for p in packets], sizes)
                self.assertEqual([p.data for p in packets], [
                    net.frame(size, number)[:snaplen] for number, size in enumerate(sizes)])

    def test_what_the_file_says(self):
        capture, _ = self.compare(lambda: self.pair.send(3), 3)
        self.assertTrue(capture.section.option("shb_userappl").startswith("xdptap "))
        self.assertTrue(capture.section.option("shb_os").startswith("Linux"))
        interface, = capture.interfaces
        self.assertEqual(interface.options[0].name, "if_tsresol")
        self.assertEqual(interface.option("if_tsresol"), 9)
        self.assertEqual(interface.option("if_name"), "near")
        self.assertEqual(interface.option("if_MACaddr"), bytes.fromhex(net.NEAR_MAC.replace(":", "")))
        self.assertIn("veth", interface.option("if_hardware"))
        self.assertEqual(interface["linktype"], 1)
        self.assertEqual(interface.options[-1].name, "opt_comment")
        self.assertIn("native", interface.option("opt_comment"))
        self.assertEqual(capture.blocks[-1].name, "ISB")
        counters = capture.counters()
        self.assertEqual(counters["ifrecv"], 3)
        self.assertEqual(counters["filteraccept"], 3)
        self.assertEqual(counters["osdrop"], 0)
        self.assertEqual(counters["usrdeliv"], 3)
        self.assertLessEqual(counters["starttime"], capture.packets[0].ts_ns)
        self.assertGreaterEqual(counters["endtime"], capture.packets[-1].ts_ns)

    def test_own_multicast(self):
        """What the stack gives back to itself was not received, as tcpdump has it; it was sent, once."""
        near = self.pair.near
        near.ip("route", "add", "239.0.0.0/8", "dev", "near")
        reference = self.enterContext(net.tcpdump(near, self.path("t.pcap")))
        capture = self.start("--point", "tc")
        with near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            here = socket.inet_aton(net.NEAR_IP)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.1.1") + here)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            sock.bind(("", 7000))
            sock.settimeout(harness.DEADLINE)
            sock.sendto(b"to itself", ("239.1.1.1", 7000))
            self.assertEqual(sock.recv(100), b"to itself")
        last = self.pair.send(1)[0]
        for path in (self.path("t.pcap"), capture.file):
            harness.wait_until(lambda p=path: self.holds(p, last), path)
        reference.signal()
        reference.wait()

        def ours(packets):
            """Without what the stack tells routers of the group."""
            return [p.data for p in packets if b"to itself" in p.data or p.data == last]

        self.assertEqual(ours(capture.finish().packets), ours(read_pcap(self.path("t.pcap"))))

    @staticmethod
    def holds(path, data):
        with open(path, "rb") as file:
            return data in file.read()


if __name__ == "__main__":
    harness.main()
