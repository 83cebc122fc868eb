#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Frames and their times are those that tcpdump sees, byte for byte, whatever their size."""
import statistics

import harness
import net
from captures import read_pcap
from program import Case

# Around each border: of the size classes, of XDP's linear part, of pages, of Ethernet and of the MTU.
BORDERS = (18, 60, 64, 128, 256, 512, 1024, 1514, 1518, 1536, 2048, 3072, 3498, 3520, 3840, 4096,
           6144, 8192, 9014)
SIZES = sorted({size for border in BORDERS for size in range(border - 2, border + 3)
                if 14 <= size <= 9014} | {14, 15, *range(14, 9015, 450)})
MS = 10**6


class Frames(Case):
    mtu = 9000

    def compare(self, send, count, *options):
        """Captures what send() causes with tcpdump and xdptap: the two lists of packets."""
        with net.tcpdump(self.pair.near, self.path("tcpdump.pcap")) as reference:
            capture = self.start(*options)
            self.mode = self.pair.near.xdp()["mode"]
            send()
            capture.wait_packets(count)
            finished = capture.finish()
            harness.wait_until(lambda: len(read_pcap(self.path("tcpdump.pcap"))) >= count,
                               "tcpdump's packets")
            reference.signal()
            reference.wait()
        return finished, read_pcap(self.path("tcpdump.pcap"))

    def send(self, sizes):
        sender = self.pair.sender()
        self.addCleanup(sender.close)
        for number, size in enumerate(sizes):
            sender.send(net.frame(size, number))

    def check_sizes(self, *options):
        capture, reference = self.compare(lambda: self.send(SIZES), len(SIZES), *options)
        sent = [net.frame(size, number) for number, size in enumerate(SIZES)]
        self.assertEqual([len(data) for data in capture.data()], SIZES)
        self.assertEqual(capture.data(), sent)
        self.assertEqual(capture.data(), [packet.data for packet in reference])
        self.assertEqual([p.length for p in capture.packets], [p.length for p in reference])

    def test_icmp(self):
        capture, reference = self.compare(lambda: self.pair.ping(20), 20)
        self.assertEqual(len(reference), 20)
        self.assertEqual(capture.data(), [packet.data for packet in reference])
        self.assertEqual(capture.counters()["ifrecv"], 20)

    def test_sizes_native(self):
        self.check_sizes()
        self.assertEqual(self.mode, 1, "native mode")

    def test_sizes_generic(self):
        self.check_sizes("--mode", "generic")
        self.assertEqual(self.mode, 2, "generic mode")

    def test_times(self):
        """The median has to be within 1 ms, and 19 of 20: the rest may have lost the processor between
        the two stamps. None may be off by a clock's step, and none go back."""
        capture, reference = self.compare(lambda: self.pair.ping(200), 200)
        self.assertEqual(capture.data(), [packet.data for packet in reference])
        times = [packet.ts_ns for packet in capture.packets]
        apart = sorted(abs(packet.ts_ns - ns) for packet, ns in zip(reference, times))
        self.assertLess(statistics.median(apart), MS)
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
        capture, _ = self.compare(lambda: self.pair.ping(3), 3)
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


if __name__ == "__main__":
    harness.main()
