#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Received packets that end in the stack: each with its frame and reason, as often as the kernel counts it."""
import ctypes
import os
import socket
import struct

import harness
import net
from drops import DropCase, ip4, kernel, tcp, udp
from tcppeer import Peer

N = 3
SO_ATTACH_FILTER = 26
OVERFLOWS = "TcpExtListenOverflows", "TcpExtListenDrops"
NO_WINDOW = "TcpExtTCPZeroWindowDrop", "TcpExtBeyondWindow"


class Received(DropCase):
    def check(self, frames, reason, counters, count=None):
        """`counters` are SNMP counters that grow by the number of frames."""
        before = self.counters(*counters)
        capture, begin = self.capture(), harness.clock_ns()
        self.pair.send_all(frames)
        capture.wait_packets(len(frames))
        end, finished = harness.clock_ns(), capture.finish()
        found = self.read(finished)
        self.expect(found, frames, reason)
        self.assertTrue(all(begin <= p.ts_ns <= end for p in finished.packets), "the time")
        grown = [now - then for now, then in zip(self.counters(*counters), before)]
        self.assertEqual(grown, [len(frames)] * len(counters), counters)
        self.assertEqual(len(found), len(frames), found)

    def test_no_socket(self):
        self.check([udp(9000 + n, b"x" * 40 * n) for n in range(N)], "NO_SOCKET", ["UdpNoPorts"])

    def test_no_listener(self):
        self.check([tcp(9000, number=n) for n in range(N)], "NO_SOCKET", ["TcpOutRsts"])

    def test_udp_checksum(self):
        self.check([udp(9000 + n, wrong=1) for n in range(N)], "UDP_CSUM", ["UdpInCsumErrors"])

    def test_tcp_checksum(self):
        self.check([tcp(9000, number=n, wrong=1) for n in range(N)], "TCP_CSUM", ["TcpInCsumErrors"])

    def test_ip_checksum(self):
        self.check([udp(9000 + n, header_wrong=1) for n in range(N)], "IP_CSUM",
                   ["IpExtInCsumErrors", "IpInHdrErrors"])

    def test_no_protocol(self):
        self.check([ip4(bytes(20 + n), 200) for n in range(N)], "IP_NOPROTO", ["IpInUnknownProtos"])

    def test_reverse_path(self):
        for name in ("all", "near"):
            self.pair.near.write(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "1")
        self.check([udp(9000 + n, source="192.0.2.1") for n in range(N)], "IP_RPFILTER",
                   ["TcpExtIPReversePathFilter"])

    def test_receive_buffer(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9000)) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the smallest one
            frames = [udp(9000, b"%d" % n * 50) for n in range(10, 30)]
            capture = self.capture()
            self.pair.send_all(frames)
            dropped, = self.counters("UdpRcvbufErrors")
            capture.wait_packets(dropped)
            self.assertEqual(self.counters("UdpRcvbufErrors"), [dropped])
            receiver.settimeout(0)
            arrived = [receiver.recv(1000) for _ in range(len(frames) - dropped)]
        found = self.read(capture.finish())
        self.assertEqual(len(found), dropped)
        self.assertGreater(dropped, 0)
        self.expect(found, [f for f in frames if f[42:] not in arrived], "SOCKET_RCVBUFF")

    def test_socket_filter(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.NEAR_IP, 9000)) as receiver:
            reject_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)
            receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                                struct.pack("HxxxxxxP", 1, ctypes.addressof(reject_all)))
            self.check([udp(9000, bytes(n)) for n in range(N)], "SOCKET_FILTER", ["UdpInErrors"])


class WithoutEthernet(DropCase):
    def test_tun(self):
        """Its packets have no link-layer header, and the file says so."""
        tun = self.pair.near.inside(net.open_tun)
        self.addCleanup(os.close, tun)
        self.pair.near.ip("addr", "add", "10.11.0.1/24", "dev", "t0")
        self.pair.near.ip("link", "set", "t0", "up")
        packets = [udp(9000 + n, source="10.11.0.2", to="10.11.0.1")[14:] for n in range(N)]
        capture = self.capture(interface="t0")
        for packet in packets:
            os.write(tun, packet)
        capture.wait_packets(N)
        finished = capture.finish()
        self.expect(self.read(finished), packets, "NO_SOCKET", interface="t0")
        self.assertEqual([(i.option("if_name"), i["linktype"]) for i in finished.interfaces], [("t0", 101)])


class Connections(DropCase):
    def test_listen_queue(self):
        """The listener has agreed to more connections than it has room for: their last step is dropped."""
        self.pair.near.write("/proc/sys/net/ipv4/tcp_syncookies", "0")
        room = N + 1
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.NEAR_IP, 9000)) as listener, \
                Peer(self.pair, 9000) as peer:
            listener.listen(room)  # one more fits in
            for number in range(room):
                peer.send(number, seq=8, ack=peer.connect(number).seq + 1)
            frames = [peer.frame(number, seq=8, ack=peer.connect(number).seq + 1)
                      for number in range(room, room + 1 + N)]
            before = self.counters(*OVERFLOWS)
            capture = self.capture()
            self.pair.send_all(frames)
            capture.wait_packets(N)
            found = self.read(capture.finish())
            grown = [a - b for a, b in zip(self.counters(*OVERFLOWS), before)]
        self.assertEqual(grown, [N, N])
        self.expect(found, frames[1:], "TCP_LISTEN_OVERFLOW")

    def test_zero_window(self):
        """Data that the receiver has no room for: kernels differ in how they count it."""
        if kernel() < (6, 11):
            self.skipTest("needs Linux 6.11, which tells the socket: the packet has lost its device and route")
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.NEAR_IP, 9000)) as listener, \
                Peer(self.pair, 9000) as peer:
            listener.listen(1)
            answer = peer.connect()
            own, sent, window = answer.seq + 1, 8, answer.window
            peer.send(seq=sent, ack=own)
            while window:
                data = bytes(min(window, 1400))  # small ones would fill the memory before the window
                peer.send(seq=sent, ack=own, data=data)
                sent += len(data)
                while True:
                    answer = peer.receive()
                    if answer.ack == sent:
                        break
                window = answer.window
            frames = [peer.frame(seq=sent, ack=own, data=b"%d" % n * 100) for n in range(N)]
            before = self.counters(*NO_WINDOW)
            capture = self.capture()
            self.pair.send_all(frames)
            capture.wait_packets(N)
            found = self.read(capture.finish())
            grown = [a - b for a, b in zip(self.counters(*NO_WINDOW), before)]
        self.assertIn(grown, ([N, 0], [0, N]))
        self.expect(found, frames, "TCP_ZEROWINDOW" if grown[0] else "TCP_INVALID_END_SEQUENCE")


if __name__ == "__main__":
    harness.main()
