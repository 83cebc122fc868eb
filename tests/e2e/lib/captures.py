# SPDX-License-Identifier: MIT
"""Reads capture files: pcapng through the strict checker, classic pcap in a few lines of its own."""
import os
import struct
import sys
from collections import namedtuple

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "..", "pcapng"))
import check_pcapng  # noqa: E402, because of the path

Packet = namedtuple("Packet", "ts_ns length data")


class Capture:
    """A finished file, or the bytes of a stream. Rejects anything malformed."""

    def __init__(self, source):
        if isinstance(source, bytes):
            self.blocks = check_pcapng.parse(source)
        else:
            self.blocks = check_pcapng.parse_file(source)
        self.section = self.blocks[0]
        self.interfaces = self.named("IDB")
        self.statistics = self.named("ISB")
        self.packets = [Packet(b["ts_ns"], b["len"], b["data"]) for b in self.named("EPB")]

    def named(self, name):
        return [block for block in self.blocks if block.name == name]

    def data(self):
        return [packet.data for packet in self.packets]

    def counters(self):
        """Returns {"ifrecv": …} of the only interface."""
        statistics, = self.statistics
        return {option.name[4:]: option.value for option in statistics.options
                if option.name.startswith("isb_")}


def pcap_linktype(path):
    """Returns the linktype of a pcap file."""
    with open(path, "rb") as file:
        return struct.unpack_from("=20xI", file.read(24))[0]


def read_pcap(path):
    """Returns the packets of a nanosecond pcap file in host byte order."""
    with open(path, "rb") as file:
        data = file.read()
    magic, = struct.unpack_from("=I", data)
    if magic != 0xA1B23C4D:
        raise ValueError(f"{path}: magic {magic:#x}")
    packets, at = [], 24
    while at < len(data):
        seconds, ns, caplen, length = struct.unpack_from("=IIII", data, at)
        packets.append(Packet(seconds * 10**9 + ns, length, data[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return packets


def whole_blocks(data):
    """(types of the complete blocks, number of bytes after them) of data that is still growing."""
    types, at = [], 0
    while len(data) - at >= 12:
        kind, length = struct.unpack_from("=II", data, at)
        if length > len(data) - at:
            break
        types.append(kind)
        at += length
    return types, len(data) - at


def count_packets(path):
    """Counts the packets of a file that is still being written."""
    try:
        with open(path, "rb") as file:
            return whole_blocks(file.read())[0].count(check_pcapng.EPB)
    except FileNotFoundError:
        return 0
