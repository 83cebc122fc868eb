#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Strict checker and decoder of pcapng files, written from draft-ietf-opsawg-pcapng alone.

    check_pcapng.py [--dump] FILE...     exit status 0: all are valid; 1: prints the first fault of each

As a module:

    blocks = check_pcapng.parse(data)           # bytes; raises Fault
    blocks = check_pcapng.parse_file(path)      # also gzip, in one or more members

Every Block has: type (number), name ("EPB"), offset, length, section (0, 1, ...), order ("<" or
">"), fields (dict, by the draft's names in lower case) and options (list of Option: code, name, raw,
value). block["caplen"] is block.fields["caplen"]; block.option("if_name") is the first value of
that name or None; block.all("opt_comment") is the list of all. Packets have "interface", "ts"
(units of the interface), "ts_ns" (nanoseconds since 1970, None for SPB), "caplen", "len" and
"data"; their interface's Block is block.interface.

It is not a reader: readers are to be tolerant, this refuses whatever a writer must not write.
"""
import argparse
import gzip
import struct
import sys
from dataclasses import dataclass, field

SHB, IDB, SPB, NRB, ISB, EPB = 0x0A0D0D0A, 1, 3, 4, 5, 6
JOURNAL, DSB, CUSTOM, CUSTOM_NO_COPY = 9, 10, 0xBAD, 0x40000BAD
NAMES = {SHB: "SHB", IDB: "IDB", SPB: "SPB", NRB: "NRB", ISB: "ISB", EPB: "EPB",
         JOURNAL: "JOURNAL", DSB: "DSB", CUSTOM: "CUSTOM", CUSTOM_NO_COPY: "CUSTOM_NO_COPY"}
SECRETS = (0x544C534B, 0x5353484B, 0x57474B4C, 0x5A4E574B, 0x5A415053, 0x55414B4C, 0x45535053)


class Fault(Exception):
    """What is wrong, and where."""

    def __init__(self, offset, reason):
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass
class Option:
    code: int
    name: str
    raw: bytes
    value: object


@dataclass
class Block:
    type: int
    name: str
    offset: int
    length: int
    section: int
    order: str
    fields: dict = field(default_factory=dict)
    options: list = field(default_factory=list)
    interface: object = None

    def __getitem__(self, key):
        return self.fields[key]

    def option(self, name):
        return next((o.value for o in self.options if o.name == name), None)

    def all(self, name):
        return [o.value for o in self.options if o.name == name]

    def __str__(self):
        shown = dict(self.fields)
        for key in ("data", "body"):
            if key in shown:
                shown[key] = f"{len(shown[key])} bytes"
        parts = [f"{k}={v}" for k, v in shown.items()]
        parts += [f"{o.name}={o.value!r}" for o in self.options]
        return f"{self.offset:>8} {self.length:>6} {self.name} " + " ".join(parts)


# --- options: name, decoder, may it repeat -------------------------------------------------------

def text(order, raw):
    value = raw.decode("utf-8")               # UnicodeDecodeError is a ValueError
    if "\0" in value:
        raise ValueError("NUL in a string")
    return value


def number(fmt):
    def decode(order, raw):
        if len(raw) != struct.calcsize(fmt):
            raise ValueError(f"length {len(raw)}, not {struct.calcsize(fmt)}")
        return struct.unpack(order + fmt, raw)[0]
    return decode


def octets(n):
    def decode(order, raw):
        if len(raw) != n:
            raise ValueError(f"length {len(raw)}, not {n}")
        return raw
    return decode


def timestamp(order, raw):
    if len(raw) != 8:
        raise ValueError(f"length {len(raw)}, not 8")
    high, low = struct.unpack(order + "II", raw)
    return high << 32 | low


def ipv6_prefix(order, raw):
    if len(raw) != 17 or raw[16] > 128:
        raise ValueError("not an IPv6 address with a prefix length")
    return raw


def filter_expression(order, raw):
    if not raw:
        raise ValueError("empty")
    if raw[0] == 0:
        return text(order, raw[1:])
    if raw[0] == 1:
        if (len(raw) - 1) % 8:
            raise ValueError("not a multiple of the size of a BPF instruction")
        return [struct.unpack_from(order + "HBBI", raw, at) for at in range(1, len(raw), 8)]
    raise ValueError(f"filter kind {raw[0]}")


def flags(order, raw):
    value = number("I")(order, raw)
    if value & 0xF000:
        raise ValueError("reserved bits 12 to 15 are set")
    if value & 3 == 3 or value >> 2 & 7 > 4:
        raise ValueError("undefined direction or reception type")
    return value


def hash_value(order, raw):
    lengths = {2: 4, 3: 16, 4: 20, 5: 4}
    if not raw or raw[0] > 5 or lengths.get(raw[0], len(raw) - 1) != len(raw) - 1:
        raise ValueError("hash of unknown kind or wrong length")
    return raw[0], raw[1:]


def verdict(order, raw):
    if not raw or raw[0] > 2:
        raise ValueError("verdict of unknown kind")
    if raw[0] == 0:
        return 0, raw[1:]
    if len(raw) != 9:
        raise ValueError("an eBPF verdict has 9 octets")
    return raw[0], struct.unpack(order + "Q", raw[1:])[0]


def process(order, raw):
    if len(raw) != 8:
        raise ValueError(f"length {len(raw)}, not 8")
    return struct.unpack(order + "II", raw)


def custom(is_text):
    def decode(order, raw):
        if len(raw) < 4:
            raise ValueError("shorter than its enterprise number")
        pen = struct.unpack(order + "I", raw[:4])[0]
        return pen, text(order, raw[4:]) if is_text else raw[4:]
    return decode


COMMON = {
    1: ("opt_comment", text, True),
    2988: ("opt_custom_string", custom(True), True),
    2989: ("opt_custom_bytes", custom(False), True),
    19372: ("opt_custom_string_no_copy", custom(True), True),
    19373: ("opt_custom_bytes_no_copy", custom(False), True),
}
OPTIONS = {
    SHB: {2: ("shb_hardware", text, False), 3: ("shb_os", text, False),
          4: ("shb_userappl", text, False)},
    IDB: {2: ("if_name", text, False), 3: ("if_description", text, False),
          4: ("if_IPv4addr", octets(8), True), 5: ("if_IPv6addr", ipv6_prefix, True),
          6: ("if_MACaddr", octets(6), False), 7: ("if_EUIaddr", octets(8), False),
          8: ("if_speed", number("Q"), False), 9: ("if_tsresol", number("B"), False),
          10: ("if_tzone", octets(4), False), 11: ("if_filter", filter_expression, False),
          12: ("if_os", text, False), 13: ("if_fcslen", number("B"), False),
          14: ("if_tsoffset", number("q"), False), 15: ("if_hardware", text, False),
          16: ("if_txspeed", number("Q"), False), 17: ("if_rxspeed", number("Q"), False),
          18: ("if_iana_tzname", text, False)},
    EPB: {2: ("epb_flags", flags, False), 3: ("epb_hash", hash_value, True),
          4: ("epb_dropcount", number("Q"), False), 5: ("epb_packetid", number("Q"), False),
          6: ("epb_queue", number("I"), False), 7: ("epb_verdict", verdict, True),
          8: ("epb_processid_threadid", process, False)},
    NRB: {2: ("ns_dnsname", text, False), 3: ("ns_dnsIP4addr", octets(4), False),
          4: ("ns_dnsIP6addr", octets(16), False)},
    ISB: {2: ("isb_starttime", timestamp, False), 3: ("isb_endtime", timestamp, False),
          4: ("isb_ifrecv", number("Q"), False), 5: ("isb_ifdrop", number("Q"), False),
          6: ("isb_filteraccept", number("Q"), False), 7: ("isb_osdrop", number("Q"), False),
          8: ("isb_usrdeliv", number("Q"), False)},
}


def padded(n):
    return n + 3 & ~3


class Cursor:
    """The body of one block: reads from the front and knows its offset in the file."""

    def __init__(self, data, start, end, order):
        self.data, self.at, self.end, self.order = data, start, end, order

    def left(self):
        return self.end - self.at

    def take(self, n, what):
        if n > self.left():
            raise Fault(self.at, f"{what}: {n} bytes, but {self.left()} are left in the block")
        raw = self.data[self.at:self.at + n]
        self.at += n
        return raw

    def take_padded(self, n, what):
        raw = self.take(n, what)
        pad = self.take(padded(n) - n, what + ": padding")
        if any(pad):
            raise Fault(self.at - len(pad), f"{what}: padding is not zero")
        return raw

    def unpack(self, fmt, what):
        return struct.unpack(self.order + fmt, self.take(struct.calcsize(self.order + fmt), what))

    def time(self, what):
        high, low = self.unpack("II", what)
        return high << 32 | low


def read_options(cursor, block):
    if not cursor.left():
        return
    seen = set()
    known = {**COMMON, **OPTIONS.get(block.type, {})}
    while True:
        start = cursor.at
        if not cursor.left():
            raise Fault(start, "options without opt_endofopt")
        code, length = cursor.unpack("HH", "option")
        if code == 0:
            if length:
                raise Fault(start, "opt_endofopt with a length")
            if cursor.left():
                raise Fault(cursor.at, "bytes after opt_endofopt")
            if not block.options:
                raise Fault(start, "opt_endofopt without options")
            return
        name, decode, repeats = known.get(code, (f"opt_{code}", lambda order, raw: raw, True))
        raw = cursor.take_padded(length, name)
        if code in seen and not repeats:
            raise Fault(start, f"{name} given twice")
        seen.add(code)
        try:
            block.options.append(Option(code, name, raw, decode(cursor.order, raw)))
        except ValueError as error:
            raise Fault(start, f"{name}: {error}") from None


# --- blocks --------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data = data
        self.blocks = []
        self.section = -1
        self.order = None
        self.interfaces = []
        self.counters = {}
        self.section_start = self.section_length = None

    def run(self):
        at = 0
        if not self.data:
            raise Fault(0, "the file is empty")
        while at < len(self.data):
            at = self.read_block(at)
        self.end_section(at)
        return self.blocks

    def end_section(self, at):
        if self.section_length not in (None, -1) and self.section_start + self.section_length != at:
            raise Fault(self.section_start, "Section Length is not the section's length")

    def read_block(self, at):
        if len(self.data) - at < 12:
            raise Fault(at, f"{len(self.data) - at} bytes left, too few for a block")
        if self.data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            self.begin_section(at)
        elif self.order is None:
            raise Fault(at, "does not begin with a Section Header Block")
        kind, total = struct.unpack_from(self.order + "II", self.data, at)
        if total % 4 or total < 12:
            raise Fault(at, f"total length {total} is below 12 or no multiple of 4")
        if total > len(self.data) - at:
            raise Fault(at, f"total length {total}, but the file has {len(self.data) - at} more")
        if struct.unpack_from(self.order + "I", self.data, at + total - 4)[0] != total:
            raise Fault(at, "the two lengths differ")
        block = Block(kind, NAMES.get(kind, f"0x{kind:08x}"), at, total, self.section, self.order)
        cursor = Cursor(self.data, at + 8, at + total - 4, self.order)
        self.read_body(block, cursor)
        if cursor.left():
            raise Fault(cursor.at, f"{block.name}: {cursor.left()} bytes too many")
        self.blocks.append(block)
        return at + total

    def begin_section(self, at):
        self.end_section(at)
        for order in "<>":
            if self.data[at + 8:at + 12] == struct.pack(order + "I", 0x1A2B3C4D):
                self.order = order
                break
        else:
            raise Fault(at, "no byte order magic")
        self.section += 1
        self.interfaces = []
        self.counters = {}

    def read_body(self, block, cursor):
        readers = {SHB: self.read_shb, IDB: self.read_idb, SPB: self.read_spb, NRB: self.read_nrb,
                   ISB: self.read_isb, EPB: self.read_epb, DSB: self.read_dsb,
                   JOURNAL: self.read_journal, CUSTOM: self.read_custom,
                   CUSTOM_NO_COPY: self.read_custom}
        if block.type in (0, 2):
            raise Fault(block.offset, f"block type {block.type} must not be written")
        readers.get(block.type, self.read_unknown)(block, cursor)

    def read_shb(self, block, cursor):
        magic, major, minor, length = cursor.unpack("IHHq", "SHB")
        if (major, minor) != (1, 0):
            raise Fault(block.offset, f"version {major}.{minor}, not 1.0")
        if length < -1 or (length > 0 and length % 4):
            raise Fault(block.offset, f"Section Length {length}")
        self.section_start, self.section_length = block.offset + block.length, length
        block.fields = {"major": major, "minor": minor, "section_length": length}
        read_options(cursor, block)

    def read_idb(self, block, cursor):
        linktype, reserved, snaplen = cursor.unpack("HHI", "IDB")
        if reserved:
            raise Fault(block.offset, "IDB: reserved is not zero")
        block.fields = {"id": len(self.interfaces), "linktype": linktype, "snaplen": snaplen}
        read_options(cursor, block)
        tx, rx, both = (block.option(n) for n in ("if_txspeed", "if_rxspeed", "if_speed"))
        if both is not None and (tx is not None or rx is not None):
            raise Fault(block.offset, "if_speed together with if_txspeed or if_rxspeed")
        if tx is not None and tx == rx:
            raise Fault(block.offset, "if_txspeed equals if_rxspeed")
        self.interfaces.append(block)

    def find_interface(self, block, number_):
        if number_ >= len(self.interfaces):
            raise Fault(block.offset, f"{block.name}: interface {number_} was not described")
        block.interface = self.interfaces[number_]
        return block.interface

    def read_data(self, block, cursor, caplen, length):
        snaplen = block.interface["snaplen"]
        if caplen > length:
            raise Fault(block.offset, f"captured {caplen} of {length} bytes")
        if snaplen and caplen > snaplen:
            raise Fault(block.offset, f"captured {caplen} bytes, snaplen is {snaplen}")
        block.fields["data"] = cursor.take_padded(caplen, "packet data")

    def read_epb(self, block, cursor):
        interface, = cursor.unpack("I", "EPB")
        ts = cursor.time("EPB")
        caplen, length = cursor.unpack("II", "EPB")
        described = self.find_interface(block, interface)
        block.fields = {"interface": interface, "ts": ts, "ts_ns": to_ns(described, ts),
                        "caplen": caplen, "len": length}
        self.read_data(block, cursor, caplen, length)
        read_options(cursor, block)

    def read_spb(self, block, cursor):
        length, = cursor.unpack("I", "SPB")
        snaplen = self.find_interface(block, 0)["snaplen"]
        caplen = min(length, snaplen) if snaplen else length
        block.fields = {"interface": 0, "ts": None, "ts_ns": None, "caplen": caplen, "len": length}
        self.read_data(block, cursor, caplen, length)

    def read_isb(self, block, cursor):
        interface, = cursor.unpack("I", "ISB")
        ts = cursor.time("ISB")
        described = self.find_interface(block, interface)
        block.fields = {"interface": interface, "ts": ts, "ts_ns": to_ns(described, ts)}
        read_options(cursor, block)
        for option in block.options:
            if option.code in (4, 5, 6, 7, 8):
                key = interface, option.code
                if option.value < self.counters.get(key, 0):
                    raise Fault(block.offset, f"{option.name} of interface {interface} went back")
                self.counters[key] = option.value
        start, end = block.option("isb_starttime"), block.option("isb_endtime")
        if start is not None and end is not None and end < start:
            raise Fault(block.offset, "isb_endtime before isb_starttime")

    def read_nrb(self, block, cursor):
        lengths = {1: 4, 2: 16, 3: 6, 4: 8}
        block.fields = {"records": []}
        while True:
            start = cursor.at
            kind, length = cursor.unpack("HH", "NRB record")
            if kind == 0:
                if length:
                    raise Fault(start, "nrb_record_end with a length")
                break
            raw = cursor.take_padded(length, "NRB record")
            if kind not in lengths:
                raise Fault(start, f"NRB record type {kind}")
            address, names = raw[:lengths[kind]], raw[lengths[kind]:]
            if not names.endswith(b"\0"):
                raise Fault(start, "NRB record: a name without NUL, or none")
            try:
                names = [n.decode("utf-8") for n in names[:-1].split(b"\0")]
            except ValueError as error:
                raise Fault(start, f"NRB record: {error}") from None
            if not all(names):
                raise Fault(start, "NRB record: an empty name")
            block.fields["records"].append((kind, address, names))
        read_options(cursor, block)

    def read_dsb(self, block, cursor):
        kind, length = cursor.unpack("II", "DSB")
        if kind not in SECRETS:
            raise Fault(block.offset, f"secrets type 0x{kind:08x}")
        block.fields = {"secrets_type": kind}
        block.fields["data"] = cursor.take_padded(length, "secrets")
        read_options(cursor, block)

    def read_journal(self, block, cursor):
        entry = cursor.take(cursor.left(), "entry").rstrip(b"\0")
        if b"\n__REALTIME_TIMESTAMP=" not in b"\n" + entry:
            raise Fault(block.offset, "journal entry without __REALTIME_TIMESTAMP")
        if padded(len(entry)) != block.length - 12:
            raise Fault(block.offset, "journal entry with more padding than needed")
        block.fields = {"data": entry}

    def read_custom(self, block, cursor):
        # Where the data ends and options begin is known to the enterprise alone.
        pen, = cursor.unpack("I", "custom block")
        block.fields = {"pen": pen, "body": cursor.take(cursor.left(), "custom block")}

    def read_unknown(self, block, cursor):
        block.fields = {"body": cursor.take(cursor.left(), "body")}


def to_ns(interface, ts):
    """Units of the interface to nanoseconds since 1970, rounded down."""
    resolution = interface.option("if_tsresol")
    resolution = 6 if resolution is None else resolution
    units = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10 ** resolution
    return ts * 10 ** 9 // units + (interface.option("if_tsoffset") or 0) * 10 ** 9


def parse(data):
    """All blocks of a file's bytes. Raises Fault at the first that is wrong."""
    return Reader(data).run()


def parse_file(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return parse(data)


def main():
    parser = argparse.ArgumentParser(description="Checks pcapng files against the draft.")
    parser.add_argument("--dump", action="store_true", help="print one line for each block")
    parser.add_argument("files", nargs="+", metavar="FILE")
    args = parser.parse_args()
    status = 0
    for path in args.files:
        try:
            blocks = parse_file(path)
        except (Fault, OSError, EOFError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            status = 1
            continue
        if args.dump:
            for block in blocks:
                print(block)
    return status


if __name__ == "__main__":
    sys.exit(main())
