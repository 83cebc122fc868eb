# SPDX-License-Identifier: MIT
"""Captures of dropped packets, packets to be dropped, and the counters of the kernel and its tools."""
import functools
import json
import os
import socket
import struct
from collections import Counter, namedtuple

import net
from program import Case, xdptap

INBOUND, OUTBOUND = 1, 2

Drop = namedtuple("Drop", "interface reason function callers direction data")


@functools.cache
def reasons():
    """The kernel's reasons: {name: whether it is left out by default}; empty if it has none."""
    status, out, _ = xdptap("--list-reasons")
    lines = out.decode().splitlines() if status == 0 else []
    return {line.split()[0]: " " in line for line in lines}


def kernel():
    """(6, 12) of "6.12.118+deb13-cloud-amd64"."""
    return tuple(map(int, os.uname().release.split(".")[:2]))


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(payload, protocol, source=net.FAR_IP, to=net.NEAR_IP, ttl=64, fragment=0, header_wrong=0):
    """A frame from far to near with an IPv4 packet; `header_wrong` is added to its header's checksum."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, ttl, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(to))
    header = header[:10] + struct.pack(">H", checksum(header) + header_wrong & 0xffff) + header[12:]
    return bytes.fromhex((net.NEAR_MAC + net.FAR_MAC).replace(":", "") + "0800") + header + payload


def with_checksum(segment, at, protocol, source, to, wrong):
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack(">HH", protocol, len(segment))
    value = checksum(pseudo + segment) + wrong & 0xffff
    return segment[:at] + struct.pack(">H", value) + segment[at + 2:]


def udp(port, data=b"", source=net.FAR_IP, to=net.NEAR_IP, wrong=0, **rest):
    segment = struct.pack(">HHHH", 4000, port, 8 + len(data), 0) + data
    return ip4(with_checksum(segment, 6, 17, source, to, wrong), 17, source, to, **rest)


def tcp(port, flags=2, number=0, wrong=0, seq=7, ack=0, data=b"", source=net.FAR_IP):
    segment = struct.pack(">HHIIHHHH", 4000 + number, port, seq & 0xffffffff, ack & 0xffffffff, 0x5000 | flags, 1000, 0,
                          0) + data
    return ip4(with_checksum(segment, 16, 6, source, net.NEAR_IP, wrong), 6, source)


class DropCase(Case):
    def setUp(self):
        if not reasons():
            self.skipTest("this kernel does not say why it drops packets")
        super().setUp()

    def capture(self, *options, interface="near", **process):
        return self.start("--point", "drop", *options, interface=interface, **process)

    def counters(self, *names):
        """The kernel's SNMP counters of near."""
        values = json.loads(self.pair.near.run("nstat", "-asz", "--json"))["kernel"]
        return [values.get(name, 0) for name in names]

    def read(self, capture):
        """The drops of a capture that has ended."""
        drops = []
        for block in capture.named("EPB"):
            interface = capture.interfaces[block["interface"]]
            reason, _, place = block.option("opt_comment").partition(" in ")
            function, _, callers = place.partition(", called by ")
            drops.append(Drop(interface.option("if_name"), reason, function, callers.split(", "),
                              block.option("epb_flags") & 3, block["data"]))
        return drops

    def expect(self, drops, frames, reason, direction=INBOUND, interface="near"):
        """Each of these frames was dropped once, for this reason. An older kernel may not know it there."""
        found = [d for d in drops if d.data in frames]
        self.assertEqual(Counter(d.data for d in found), Counter(frames), reason)
        known = {reason} if reason in reasons() and self.is_exact else {reason, "NOT_SPECIFIED"}
        self.assertLessEqual({d.reason for d in found}, known)
        self.assertEqual({(d.interface, d.direction) for d in found}, {(interface, direction)}, reason)

    @property
    def is_exact(self):
        """Whether this kernel is new enough to state all reasons that are tested."""
        return "RECURSION_LIMIT" in reasons()
