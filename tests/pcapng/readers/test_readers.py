#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other programs read our files: they must see what check_pcapng.py decodes.

    test_readers.py READER FILE...    READER: tshark capinfos libpcap scapy gopacket editcap
    test_readers.py --table FILE...   Markdown: which reader reads what exactly
    test_readers.py --compare TABLE FILE...   compares it with TABLE

The programs that read with libpcap and gopacket are found through READ_LIBPCAP and READ_GOPACKET.
Exit status 77: the reader is not installed. QUIRKS lists known faults of readers; the test of a reader
fails when a fault is gone, so that the list stays true, and the table is made from the list.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

import check_pcapng

# (reader, sample): what the reader does with it, the first version known to do it, and the first without; ""
# where none is known. All others are read exactly.
QUIRKS = {
    ("editcap", "options-little"): [("writes epb_verdict with a wrong code and length", "", "4.4"),
                                    ("adds if_tsoffset twice", "4.6", "")],
    ("editcap", "options-big"): [("writes epb_verdict with a wrong code and length", "", "4.4"),
                                 ("adds if_tsoffset twice", "4.6", "")],
    ("libpcap", "sections"): [("refuses a change of byte order", "", "")],
    ("gopacket", "options-little"): [("decodes binary if_tsresol wrongly", "", "")],
    ("gopacket", "options-big"): [("decodes binary if_tsresol wrongly", "", "")],
    ("scapy", "options-little"): [("ignores if_tsoffset", "", "")],
    ("scapy", "options-big"): [("ignores if_tsoffset", "", "")],
    ("scapy", "sections"): [("keeps the first section's if_tsresol", "", "")],
}


class Missing(Exception):
    pass


def run(*argv):
    if not shutil.which(argv[0]):
        raise Missing(f"{argv[0]} is not installed")
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    errors = [line for line in result.stderr.splitlines() if not line.startswith("Running as user")]
    if result.returncode or errors:
        raise RuntimeError(f"{argv[0]}: exit {result.returncode} {errors}")
    return result.stdout


def expected(blocks):
    return [(b["ts_ns"] or 0, b["caplen"], b["len"], b["data"].hex())
            for b in blocks if b.name in ("EPB", "SPB")]


def from_lines(text):
    packets = []
    for line in text.splitlines():
        ns, caplen, length, data = (line + " ").split(" ")[:4]
        packets.append((int(ns), int(caplen), int(length), data))
    return packets


def read_libpcap(path):
    return from_lines(run(os.environ["READ_LIBPCAP"], path))


def read_scapy(path):
    if subprocess.run(["/usr/bin/python3", "-c", "import scapy"], capture_output=True,
                      check=False).returncode:
        raise Missing("scapy is not installed")
    return from_lines(run("/usr/bin/python3", str(Path(__file__).parent / "read-scapy.py"), path))


def read_gopacket(path):
    if not os.environ.get("READ_GOPACKET"):
        raise Missing("go or gopacket is not installed")
    return from_lines(run(os.environ["READ_GOPACKET"], path))


def compare_packets(read):
    def compare(path, blocks):
        assert read(path) == expected(blocks), "other packets than are in the file"
    return compare


TSHARK = {
    "frame.time_epoch": lambda b: "" if b["ts_ns"] is None else b["ts_ns"],
    "frame.cap_len": lambda b: str(b["caplen"]),
    "frame.len": lambda b: str(b["len"]),
    "frame.section_number": lambda b: str(b.section + 1),
    "frame.comment": lambda b: "\x1e".join(b.all("opt_comment")).replace("\n", ""),
    "frame.packet_flags_direction": lambda b: optional(b, "epb_flags", lambda v: hex32(v & 3)),
    "frame.packet_flags_reception_type":
        lambda b: optional(b, "epb_flags", lambda v: str(v >> 2 & 7)),
    "frame.drop_count": lambda b: optional(b, "epb_dropcount", str),
    "frame.packet_id": lambda b: optional(b, "epb_packetid", str),
    "frame.interface_queue": lambda b: optional(b, "epb_queue", str),
    "frame.verdict.ebpf_xdp": lambda b: verdicts(b, 2),
    "frame.verdict.ebpf_tc": lambda b: verdicts(b, 1),
}


def optional(block, name, show):
    value = block.option(name)
    return "" if value is None else show(value)


def hex32(value):
    return f"0x{value:08x}"


def verdicts(block, kind):
    signed = (v - (v >> 63 << 64) for k, v in block.all("epb_verdict") if k == kind)
    return "\x1e".join(str(v) for v in signed)


def compare_tshark(path, blocks):
    fields = [word for name in TSHARK for word in ("-e", name)]
    # Custom and journal blocks are records to tshark, too, but not packets with a link layer.
    out = run("tshark", "-r", path, "-Y", "frame.encap_type", "-T", "fields",
              "-E", "aggregator=\x1e", "-E", "separator=\x1f", *fields)
    rows = [dict(zip(TSHARK, row.split("\x1f"))) for row in out.split("\n") if "\x1f" in row]
    packets = [b for b in blocks if b.name in ("EPB", "SPB")]
    assert len(rows) == len(packets), f"{len(rows)} of {len(packets)} packets"
    for row, packet in zip(rows, packets):
        for name, show in TSHARK.items():
            seen, want = row[name], show(packet)
            if name == "frame.time_epoch" and seen:
                seen = int(seen.replace(".", ""))
            if name == "frame.comment":  # one with a newline is there three times from 4.4 on
                seen = "\x1e".join(text for text, _ in groupby(seen.replace("\\n", "").split("\x1e")))
            assert seen == want, f"packet at {packet.offset}: {name} is {seen!r}, not {want!r}"


def compare_capinfos(path, blocks):
    out = run("capinfos", "-M", "-c", "-T", "-r", path)
    count = int(out.split("\t")[1])
    assert count == len(expected(blocks)), f"{count} packets"


def compare_editcap(path, blocks):
    with tempfile.TemporaryDirectory() as folder:
        out = folder + "/out.pcapng"
        run("editcap", path, out)
        again = check_pcapng.parse_file(out)
    assert expected(again) == expected(blocks), "not the same packets"


READERS = {
    "tshark": compare_tshark,
    "capinfos": compare_capinfos,
    "editcap": compare_editcap,
    "libpcap": compare_packets(read_libpcap),
    "scapy": compare_packets(read_scapy),
    "gopacket": compare_packets(read_gopacket),
}


def judge(reader, path):
    """None: all read exactly; else what happened."""
    try:
        READERS[reader](path, check_pcapng.parse_file(path))
    except (RuntimeError, AssertionError, check_pcapng.Fault) as error:
        return str(error)
    return None


def number(text):
    return tuple(map(int, re.search(r"(\d+)\.(\d+)", text).groups()))


def quirk_of(reader, path):
    """The fault of the installed version, or None."""
    for fault, first, fixed in QUIRKS.get((reader, Path(path).stem), ()):
        version = number(run(reader, "--version")) if first or fixed else ()
        if (not first or version >= number(first)) and (not fixed or version < number(fixed)):
            return fault
    return None


def check(reader, paths):
    failed = 0
    for path in paths:
        why, quirk = judge(reader, path), quirk_of(reader, path)
        if (why is None) == (quirk is None):
            continue
        failed = 1
        print(f"{path}: {why or 'read exactly, but this was expected: ' + quirk}", file=sys.stderr)
    return failed


def cell(reader, path):
    faults = [fault + (f" (from {first} on)" if first else "") + (f" (before {fixed})" if fixed else "")
              for fault, first, fixed in QUIRKS.get((reader, Path(path).stem), ())]
    return "no: " + "; ".join(faults) if faults else "yes"


def table(paths):
    yield "| file | " + " | ".join(READERS) + " |"
    yield "|---" * (len(READERS) + 1) + "|"
    for path in paths:
        yield f"| {Path(path).stem} | " + " | ".join(cell(reader, path) for reader in READERS) + " |"


def print_table(paths):
    print("\n".join(table(paths)))
    return 0


def compare_table(path, paths):
    text = Path(path).read_text(encoding="utf-8")
    missing = [row for row in table(paths) if row not in text]
    print("\n".join(missing), file=sys.stderr)
    return 1 if missing else 0


def main(argv):
    try:
        if argv[1] == "--compare":
            return compare_table(argv[2], argv[3:])
        return print_table(argv[2:]) if argv[1] == "--table" else check(argv[1], argv[2:])
    except Missing as error:
        print(f"SKIP: {error}")
        return 77


if __name__ == "__main__":
    sys.exit(main(sys.argv))
