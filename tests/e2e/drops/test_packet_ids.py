#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--with-drops at tc: a packet that is received, and its end, have the same packet ID, and no other packet has it."""
import socket
import struct
import threading
from collections import Counter, namedtuple

import harness
import net
from captures import Capture, whole_blocks
from drops import DropCase, udp

N = 20
FIRST = udp(8999)

Record = namedtuple("Record", "interface id reason data")


class PacketIds(DropCase):
    def begin(self, *options, interface="near"):
        """A capture in which packets already have IDs: the kernel begins to stamp them a moment after it is asked."""
        capture = self.start("--point", "tc", "--with-drops", *options, interface=interface)

        def has_ids():
            self.pair.send_all([FIRST])
            return any(b.option("epb_packetid") for b in self.complete(capture).named("EPB"))
        harness.wait_until(has_ids, "a packet ID")
        return capture

    @staticmethod
    def complete(capture):
        """The complete blocks of the file, which is still being written."""
        with open(capture.file, "rb") as file:
            data = file.read()
        return Capture(data[:len(data) - whole_blocks(data)[1]])

    @staticmethod
    def records(capture):
        """Without the packets of begin()."""
        return [Record(capture.interfaces[b["interface"]].option("if_name"), b.option("epb_packetid"),
                       (b.option("opt_comment") or "").partition(" in ")[0], b["data"])
                for b in capture.named("EPB") if b["data"] != FIRST]

    def finish(self, capture, count=0):
        """({id: records}, records), at least as many."""
        harness.wait_until(lambda: len(self.records(self.complete(capture))) >= count, f"{count} packets")
        records = self.records(capture.finish())
        by_id = {}
        for record in records:
            by_id.setdefault(record.id, []).append(record)
        return by_id, records

    def check_pairs(self, by_id, frames, reason):
        """Each ID belongs to one packet: a frame that was received, and its end."""
        self.assertNotIn(None, by_id)
        self.assertEqual(Counter(r[0].data for r in by_id.values()), Counter(frames))
        for received, *ends in by_id.values():
            self.assertEqual((received.interface, received.reason), ("near", ""))
            self.assertEqual([(r.reason, r.data) for r in ends], [(reason, received.data)])

    def test_equal_packets(self):
        """The bytes do not tell them apart, and the IDs do."""
        capture = self.begin("-Q", "in")
        frames = [udp(9000)] * N
        self.pair.send_all(frames)
        by_id, records = self.finish(capture, 2 * N)
        self.assertEqual(len(by_id), N)
        self.check_pairs(by_id, frames, "NO_SOCKET")
        self.assertEqual([r.id for r in records if not r.reason], [r.id for r in records if r.reason])

    def test_delivered(self):
        """Nobody shares the ID of a packet that arrived."""
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9100)):
            capture = self.begin("-Q", "in")
            delivered, lost = [udp(9100, b"%d" % n) for n in range(N)], [udp(9000, b"%d" % n) for n in range(N)]
            self.pair.send_all([frame for both in zip(delivered, lost) for frame in both])
            by_id, _ = self.finish(capture, 3 * N)
        self.assertEqual({len(records) for records in by_id.values() if records[0].data in delivered}, {1})
        self.check_pairs({i: r for i, r in by_id.items() if r[0].data in lost}, lost, "NO_SOCKET")

    def test_forwarded(self):
        """A firewall between two interfaces drops it."""
        self.pair.near.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.pair.add("near2", "beyond")
        self.pair.near.ip("addr", "add", "10.10.0.1/24", "dev", "near2")
        self.pair.near.ip("neigh", "add", "10.10.0.2", "lladdr", net.FAR_MAC, "dev", "near2")
        self.pair.near.run("nft", "add table ip t; add chain ip t c { type filter hook prerouting priority 0; }; "
                           "add rule ip t c ip daddr 10.10.0.2 drop")
        capture = self.begin("-Q", "in", interface="any")
        frames = [udp(9000 + n, to="10.10.0.2") for n in range(N)]
        self.pair.send_all(frames)
        by_id, _ = self.finish(capture, 2 * N)
        self.check_pairs({i: r for i, r in by_id.items() if r[0].data in frames}, frames, "NETFILTER_DROP")

    def test_flood(self):
        """From two CPUs, with buffers that are reused all the time: no ID stands for two packets."""
        capture = self.begin("-Q", "in")
        count = 5000 // harness.SLOWNESS
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9100)) as receiver:
            receiver.settimeout(0)

            def send(first):
                with self.pair.sender() as sender:
                    for n in range(first, first + count):
                        sender.send(udp(9000 if n % 3 else 9100, struct.pack(">I", n) + bytes(n % 500)))
            threads = [threading.Thread(target=send, args=(first,)) for first in (0, count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        by_id, records = self.finish(capture)
        both = [r for r in by_id.values() if len(r) == 2]
        harness.comment(f"{len(records)} records, {len(by_id)} IDs, {len(both)} of them twice")
        self.assertGreater(len(both), count)
        self.assertLessEqual({len(r) for r in by_id.values()}, {1, 2})
        for received, end in both:
            self.assertEqual((received.data, received.reason, bool(end.reason)), (end.data, "", True))

    def test_off(self):
        """Only where there are two records of a packet."""
        for options in (("--point", "tc", "-Q", "in"), ("--point", "drop")):
            with self.subTest(options):
                capture = self.start(*options, file="off")
                self.pair.send_all([udp(9000)] * 3)
                capture.wait_packets(3)
                self.assertEqual({r.id for r in self.records(capture.finish())}, {None})


if __name__ == "__main__":
    harness.main()
