#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include what: each folder has one big dependency, and nothing looks upward.

pcapng/ knows libc alone (zlib in its gzip file), bpf/ libbpf, extcap/ GLib and libpcap. The rules
stand in RULES; the first row that matches a path decides.
"""
import re

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)')
LIBC = r"(?!glib|gio|gmodule|zlib|pcap|libelf|gelf|vmlinux)(sys/|net/|netinet/|arpa/)?\w+\.h"

# path, what may stand between < >, what may stand between quotes
RULES = [
    (r"pcapng/files/gzip\.[ch]", LIBC + r"|zlib\.h", r"pcapng/.*"),
    (r"pcapng/examples/.*", LIBC + r"|pcapng/(writer|format|files)\.h", r""),
    (r"pcapng/.*", LIBC, r"pcapng/.*"),
    (r"bpf/wire\.h", r"linux/types\.h", r""),
    (r"bpf/.*\.bpf\.[ch]", r"linux/.*|bpf/.*|std(bool|def)\.h", r"bpf/(wire\.h|.*\.bpf\.h)"),
    (r"bpf/.*", LIBC + r"|linux/.*|bpf/.*", r"bpf/.*|[\w-]+\.skel\.h"),
    (r"extcap/(wireshark/extcap|terminal/cli)\.c", LIBC + r"|glib[\w-]*\.h",
     r"extcap/(?!sink/(?!output)|capture/(stream|attach)).*"),
    (r"extcap/.*", LIBC + r"|linux/.*|glib[\w-]*\.h|pcap/.*",
     r"extcap/.*|bpf/(tap|point)\.h|pcapng/(writer|format|files)\.h"),
]
# libbpf's own names: with the root on the include path, our bpf/ stands before its <bpf/...>.
TAKEN = re.compile(r"bpf/(bpf\.h|btf\.h|libbpf.*\.h|bpf_.*\.h|skel_internal\.h|usdt\.bpf\.h)$")
# Records of the ring are decoded here and nowhere else.
RING = re.compile(r"bpf/(wire\.h|kernel/.*\.bpf\.[ch]|tap\.c|rings/(ring|merge)\.[ch])$")


def check(path):
    rule = next((r for r in RULES if re.fullmatch(r[0], path)), None)
    if rule is None:
        return
    for number, line in tree.lines(path):
        where = f"{path}:{number}"
        include = INCLUDE.match(line)
        if include and not re.fullmatch(rule[1] if include[1] == "<" else rule[2], include[2]):
            yield where, f"{include[2]} may not be included here"
        if re.search(r"\bstruct wire_frame\b", line) and not RING.match(path):
            yield where, "struct wire_frame is the business of the ring's reader"


def main():
    paths = tree.files(".c", ".h")
    faults = [fault for path in paths for fault in check(path)]
    faults += [(path, "hides a header of libbpf") for path in paths if TAKEN.match(path)]
    readers = [p for p in paths if p.startswith("pcapng/") and "<zlib.h>" in tree.text(p)]
    faults += [(path, "only one file of pcapng/ uses zlib") for path in readers[1:]]
    tree.finish(faults)


main()
