#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Devices whose frames begin with neither an Ethernet header nor IP: xdptap has tcpdump's linktype and bytes."""
import os
import socket

import harness
import net
from captures import pcap_linktype, read_pcap
from program import Case, xdptap

COOKED, NETLINK = 113, 253  # LINKTYPE_
PPP, INFINIBAND, FDDI = 512, 32, 774  # ARPHRD_


class OtherHeaders(Case):
    """Devices of any type, played by a tun device: the same frames and linktype as tcpdump's."""

    def make(self, hardware):
        try:
            fd = self.pair.near.inside(lambda: net.open_tun(hardware, 0))
        except OSError as error:
            self.skipTest(f"this kernel has no tun: {error}")
        self.addCleanup(os.close, fd)
        self.pair.near.ip("link", "set", "t0", "up")
        return fd

    def check(self, hardware, linktype):
        fd = self.make(hardware)
        dump = self.enterContext(net.tcpdump(self.pair.near, self.path("t.pcap"), interface="t0"))
        capture = self.start(interface="t0")
        frames = [bytes(n & 255 for n in range(size, 2 * size)) for size in (2, 3, 20, 60, 61, 1000)]
        with self.pair.near.socket(socket.AF_PACKET, socket.SOCK_RAW, bind=("t0", 0x8847)) as sender:
            for frame in frames:
                os.write(fd, net.TUN_PROTOCOL.pack(0x8848) + frame)
                sender.send(frame)
        capture.wait_packets(2 * len(frames))
        size = 24 + sum(2 * (16 + (16 if linktype == COOKED else 0) + len(frame)) for frame in frames)
        harness.wait_until(lambda: os.path.getsize(self.path("t.pcap")) == size, "tcpdump")
        dump.signal()
        dump.wait()
        finished = capture.finish()
        self.assertEqual([i["linktype"] for i in finished.interfaces], [linktype])
        self.assertEqual(pcap_linktype(self.path("t.pcap")), linktype)
        self.assertEqual(sorted(p.data for p in finished.packets),
                         sorted(p.data for p in read_pcap(self.path("t.pcap"))))
        status, out, _ = xdptap("--extcap-dlts", "--extcap-interface", "xdptap-t0", namespace=self.pair.near)
        self.assertEqual((status, out.count(b"{number=%d}" % linktype)), (0, 1))

    def test_refused(self):
        """A type that libpcap knows, and nobody has tried."""
        self.make(FDDI)
        status, _, err = xdptap("-i", "t0", "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_last_sentence(err, "t0", "774", "tcpdump")


class Netlink(Case):
    def test_nlmon(self):
        near = self.pair.near
        try:
            near.ip("link", "add", "mon0", "type", "nlmon")
        except RuntimeError as error:
            self.skipTest(f"this kernel has no nlmon: {error}")
        near.ip("link", "set", "mon0", "up")
        dump = self.enterContext(net.tcpdump(near, self.path("t.pcap"), interface="mon0"))
        capture = self.start(interface="mon0")
        near.ip("addr", "add", "10.99.0.1/24", "dev", "near")
        near.ip("link", "show")

        def is_ours(data):
            return socket.inet_aton("10.99.0.1") in data

        def contents():
            with open(self.path("t.pcap"), "rb") as file:
                return file.read()

        harness.wait_until(lambda: is_ours(contents()), "tcpdump")
        dump.signal()
        dump.wait()
        expected = [p.data for p in read_pcap(self.path("t.pcap")) if is_ours(p.data)]
        finished = capture.finish()
        self.assertEqual([i["linktype"] for i in finished.interfaces], [NETLINK])
        self.assertEqual(pcap_linktype(self.path("t.pcap")), NETLINK)
        self.assertEqual([p.data for p in finished.packets if is_ours(p.data)], expected)


# Device types and their linktypes: the last two are cooked. No software makes IPoIB: it needs InfiniBand hardware.
for number, its_linktype in ((801, 105), (802, 119), (803, 127), (804, 230), (826, 271), (PPP, COOKED),
                             (INFINIBAND, COOKED)):
    setattr(OtherHeaders, f"test_{number}",
            lambda self, number=number, linktype=its_linktype: self.check(number, linktype))

if __name__ == "__main__":
    harness.main()
