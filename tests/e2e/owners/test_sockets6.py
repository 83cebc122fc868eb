#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sockets of IPv6: which of their frames have a process."""
import socket

import harness
import net
from owners import PORT, TCP, UDP
from test_sockets import SocketsCase

NEAR_IP6, FAR_IP6 = "fd00::1", "fd00::2"


class Version6(SocketsCase):
    def setUp(self):
        super().setUp()
        for namespace, name, own, other, mac in (
                (self.pair.near, "near", NEAR_IP6, FAR_IP6, net.FAR_MAC),
                (self.pair.far, "far", FAR_IP6, NEAR_IP6, net.NEAR_MAC)):
            namespace.write(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "0")
            try:
                namespace.ip("addr", "add", own + "/64", "dev", name, "nodad")
            except RuntimeError as error:
                self.skipTest(f"this kernel has no IPv6: {error}")
            namespace.ip("neigh", "replace", other, "lladdr", mac, "dev", name, "nud", "permanent")

    SERVER = f"""
listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
listener.bind(("::", {PORT}))
listener.listen()
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", {PORT}))
say(done=True)
connection = listener.accept()[0]
connection.sendall(connection.recv(8))
data, sender = s.recvfrom(8)
s.sendto(data, sender)
connection.recv(8)
"""
    CLIENT = f"""
c = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
c.connect(("ADDRESS", {PORT}))
c.sendall(b"question")
c.recv(8)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for kind, data in ((socket.IPV6_DSTOPTS, bytes.fromhex("0000010400000000")), (None, b"")):
    if kind:
        s.setsockopt(socket.IPPROTO_IPV6, kind, data)
s.sendto(b"question", ("ADDRESS", {PORT}))
s.recv(8)
c.close()
say(done=True)
"""

    def check(self, options, server, client, address):
        capture = self.start("--process", "-f", "tcp or udp or ip6 proto 60", *options)
        one = self.python(self.SERVER, namespace=server)
        one.hear()
        other = self.python(self.CLIENT.replace("ADDRESS", address), namespace=client)
        other.hear()
        for script in (one, other):
            script.popen.stdin.close()
            script.wait()
        near = one if server is self.pair.near else other
        frames = self.owned(capture)
        self.assertEqual({(f.protocol, f.is_sent) for f in frames},
                         {(TCP, True), (TCP, False), (UDP, True), (UDP, False)})
        self.assertEqual({f.pid for f in frames}, {near.pid}, frames)

    def test_client(self):
        self.check((), self.pair.far, self.pair.near, FAR_IP6)

    def test_server(self):
        """Bound to all addresses, and after extension headers."""
        self.check((), self.pair.near, self.pair.far, NEAR_IP6)

    def test_tc(self):
        self.check(("--point", "tc"), self.pair.near, self.pair.far, NEAR_IP6)

    def test_multicast(self):
        """Received by a socket that is bound to the group: not known."""
        self.bound("ff15::7", socket.AF_INET6)
        capture = self.start("--process", "-f", "udp")
        sender = self.far_datagram(socket.AF_INET6)
        index = int(self.pair.far.link("far")["ifindex"])
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sender.sendto(b"to the group", ("ff15::7", PORT))
        capture.wait_packets(1)
        self.assertEqual(self.sent_and_received(capture), ([], [None]))


if __name__ == "__main__":
    harness.main()
