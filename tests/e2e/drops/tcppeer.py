# SPDX-License-Identifier: MIT
"""A TCP client that sends what it is told to, from an address of which the kernel knows nothing."""
import select
import socket
import struct
from collections import namedtuple

import net
from drops import tcp
from harness import DEADLINE

ADDRESS = "10.9.0.9"
SYN, ACK = 2, 16

Segment = namedtuple("Segment", "port seq ack flags window")


class Peer:
    """with Peer(pair, port) as peer: on far. Its connections are numbered."""

    def __init__(self, pair, port):
        self.port = port
        pair.near.ip("neigh", "add", ADDRESS, "lladdr", net.FAR_MAC, "dev", "near", "nud", "permanent")
        self.socket = pair.far.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800), bind=("far", 0x800))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frame(self, number=0, flags=ACK, **rest):
        return tcp(self.port, flags, number, source=ADDRESS, **rest)

    def send(self, *arguments, **rest):
        self.socket.send(self.frame(*arguments, **rest))

    def receive(self, number=0):
        """The next segment for that connection."""
        while select.select([self.socket], [], [], DEADLINE)[0]:
            data = self.socket.recv(4096)
            if data[23] == 6 and data[30:34] == socket.inet_aton(ADDRESS):
                _, port, seq, ack, flags, window = struct.unpack_from(">HHIIHH", data, 34)
                if port == 4000 + number:
                    return Segment(port, seq, ack, flags & 0x3f, window)
        raise AssertionError(f"no answer from port {self.port}")

    def connect(self, number=0):
        """All but the last step of the handshake. Returns the answer."""
        self.send(number, SYN)
        answer = self.receive(number)
        assert answer.flags == SYN | ACK, answer
        return answer
