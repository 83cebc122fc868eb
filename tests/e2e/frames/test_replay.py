#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The captures that tcpdump tests itself with, broken packets included, go over veth and tun, and are the same
afterwards: in xdptap's file as in tcpdump's."""
import glob
import os
import struct
import subprocess

import harness
import net
from captures import read_pcap
from program import Case

FETCH = os.path.join(os.path.dirname(__file__), "..", "..", "replay", "fetch")
ETHERNET, RAW = (1,), (12, 14, 101)  # linktypes; two of them are old numbers of the third
HEADER, MTU = 14, 9000
AT_ONCE = 50  # tcpdump would lose more
MAGICS = {struct.pack(order + "I", magic): order for order in "<>" for magic in (0xA1B2C3D4, 0xA1B23C4D)}


def packets(path, linktypes):
    """The packets of a pcap file with one of these linktypes; none of a file that is something else."""
    with open(path, "rb") as file:
        data = file.read()
    order = MAGICS.get(data[:4])
    if not order or len(data) < 24 or struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF not in linktypes:
        return
    at = 24
    while at + 16 <= len(data):
        length, = struct.unpack_from(order + "I", data, at + 8)
        at += 16
        if at + length > len(data):
            return
        yield data[at:at + length]
        at += length


class Replay(Case):
    mtu = MTU

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fetched = subprocess.run([FETCH], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if fetched.returncode:
            why = (fetched.stderr.strip().splitlines() or ["no reason"])[-1]
            cls.skipTest(cls, f"this machine cannot fetch tcpdump's captures: {why}")
        cls.files = sorted(glob.glob(os.path.join(fetched.stdout.strip(), "*.pcap")))

    def load(self, linktypes, least, header):
        found = [p for path in self.files for p in packets(path, linktypes) if header < len(p) <= header + MTU]
        self.assertGreater(len(found), least)
        return found

    def compare(self, interface, sent, send):
        """What xdptap and tcpdump write of these packets, each received."""
        dump = self.enterContext(net.tcpdump(self.pair.near, self.path("t.pcap"), "in", interface))
        captures = [self.start("-Q", "in", *options, interface=interface, file=name)
                    for name, options in (("auto", ()), ("tc", ("--point", "tc")))]
        size = 24
        for at in range(0, len(sent), AT_ONCE):
            some = sent[at:at + AT_ONCE]
            send(some)
            size += sum(16 + len(p) for p in some)
            harness.wait_until(lambda: os.path.getsize(self.path("t.pcap")) >= size, "tcpdump")  # noqa: B023
        dump.signal()
        dump.wait()
        self.check("tcpdump", [p.data for p in read_pcap(self.path("t.pcap"))], sent)
        for capture in captures:
            capture.wait_packets(len(sent))
            self.check(capture.file, capture.finish().data(), sent)

    def check(self, name, found, sent):
        with self.subTest(os.path.basename(name)):
            self.assertEqual(len(found), len(sent))
            for number, (ours, theirs) in enumerate(zip(found, sent)):
                self.assertEqual(ours, theirs, f"packet {number}")

    def test_ethernet(self):
        for space, interface in ((self.pair.near, "near"), (self.pair.far, "far")):
            space.run("ethtool", "-K", interface, "gro", "off")
        sent = self.load(ETHERNET, 1000, HEADER)
        self.compare("near", sent, self.pair.send_all)

    def test_tun(self):
        try:
            fd = self.pair.near.inside(net.open_tun)
        except OSError as error:
            self.skipTest(f"this kernel has no tun: {error}")
        self.addCleanup(os.close, fd)
        self.pair.near.ip("link", "set", "t0", "mtu", str(MTU), "up")
        raw = self.load(RAW, 10, 0)
        raw += [p[HEADER:] for p in self.load(ETHERNET, 1000, HEADER) if p[12:14] in (b"\x08\x00", b"\x86\xdd")]
        sent = [p for p in raw if p[0] >> 4 in (4, 6)]  # what tun accepts

        def write(those):
            for packet in those:
                os.write(fd, packet)

        self.compare("t0", sent, write)


if __name__ == "__main__":
    harness.main()
