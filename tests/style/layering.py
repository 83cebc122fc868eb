#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom: no arrow points upward, directly or through another header.

Each row of ROOMS is a room with the rooms and the system headers it may use; a file belongs to the
first row that matches its path. A header of ours counts as ours in quotes and in angle brackets. UNREACHABLE
lists what a room must not even reach through the headers it may include.
"""
import os
import re
from collections import namedtuple

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)')
LIBC = r"(?!glib|gio|gmodule|zlib|pcap|libelf|gelf|vmlinux)(sys/|net/|netinet/|arpa/)?\w+\.h"
LIBBPF = r"bpf/(bpf|btf|libbpf\w*|bpf_\w+|skel_internal|usdt\.bpf)\.h"
GLIB = LIBC + r"|linux/.*|glib[\w-]*\.h|pcap/.*"

Room = namedtuple("Room", "name paths uses system")
SEAM = ("tap.h", "writer.h", "files.h")  # what extcap/ sees of the two libraries
SYSTEM = ("system", *SEAM)
NET = ("net", *SYSTEM)
CONFIG = ("config", *NET)
SINK = ("sink", *CONFIG)
DROPS = ("drops", *CONFIG)
PROCESS = ("process", *CONFIG)
SECRETS = ("secrets", *SINK)
CAPTURE = ("capture", "drops", "process", *SECRETS)
ROOMS = [Room(*row) for row in (
    ("writer.h", r"pcapng/(writer|format)\.h", ("writer.h",), LIBC),
    ("files.h", r"pcapng/files\.h", ("writer.h",), LIBC),
    ("gzip", r"pcapng/file/gzip\.c", ("file", "files.h", "writer", "writer.h"), LIBC + r"|zlib\.h"),
    ("files", r"pcapng/files/.*", ("files", "folder", "file", "files.h", "writer", "writer.h"), LIBC),
    ("folder", r"pcapng/folder/.*", ("folder", "file", "files.h", "writer", "writer.h"), LIBC),
    ("file", r"pcapng/file/.*", ("file", "files.h", "writer", "writer.h"), LIBC),
    ("blocks", r"pcapng/blocks/.*", ("blocks", "writer.h"), LIBC),
    ("examples", r"pcapng/examples/.*", ("files.h", "writer.h"), LIBC),
    ("writer", r"pcapng/.*", ("writer", "blocks", "writer.h"), LIBC),

    ("wire", r"bpf/wire\.h", (), r"linux/types\.h"),
    ("kernel", r"bpf/.*\.bpf\.[ch]", ("kernel", "wire"), r"linux/.*|std(bool|def)\.h|" + LIBBPF),
    ("patch", r"bpf/filter/patch\.c", ("filter", "wire"), LIBC + r"|linux/.*|" + LIBBPF),
    ("filter", r"bpf/filter/.*", ("filter",), LIBC + r"|linux/.*"),
    ("record", r"bpf/rings/record\.[ch]", ("record", "tap.h", "rings", "wire"), LIBC + r"|linux/.*"),
    ("rings", r"bpf/rings/.*", ("rings", "wire"), LIBC + r"|linux/.*"),
    ("tap.h", r"bpf/(tap|point|program|drops/reasons|device/(device|driver|offloads|phc))\.h", ("tap.h",), LIBC + r"|linux/.*"),
    ("device", r"bpf/device/.*", ("device", "tap.h"), LIBC + r"|linux/.*"),
    ("xdptap.h", r"bpf/xdptap/tap\.h", (), LIBC),
    ("tap's examples", r"bpf/xdptap/examples/.*", ("files.h", "writer.h"), LIBC + r"|xdptap/tap\.h"),
    ("xdptap", r"bpf/xdptap/.*", ("xdptap", "xdptap.h", "tap.h"), LIBC + r"|linux/.*|" + LIBBPF),
    ("tc", r"bpf/tc/.*", ("tc", "tap.h"), LIBC + r"|linux/.*|" + LIBBPF),
    ("tap", r"bpf/.*", ("tap", "tap.h", "tc", "record", "rings", "filter", "wire"), LIBC + r"|linux/.*|" + LIBBPF),

    ("system", r"extcap/system/.*", SYSTEM, GLIB),
    ("net", r"extcap/net/.*", NET, GLIB),
    ("config", r"extcap/config/.*", CONFIG, GLIB),
    ("drops", r"extcap/drops/.*", DROPS, GLIB),
    ("process", r"extcap/process/.*", PROCESS, GLIB),
    ("sink", r"extcap/sink/.*", SINK, GLIB),
    ("secrets", r"extcap/secrets/.*", SECRETS, GLIB),
    ("capture", r"extcap/capture/.*", CAPTURE, GLIB),
    ("terminal", r"extcap/terminal/.*", ("terminal", *CAPTURE), GLIB),
    ("wireshark", r"extcap/wireshark/.*", ("wireshark", *CAPTURE), GLIB),
    ("main", r"extcap/main\.c", ("terminal", "wireshark", "system"), GLIB),
)]

# path, what it must not reach, why
UNREACHABLE = [
    (r"extcap/.*", r"bpf/(wire|maps|point-link)\.h|" + LIBBPF, "extcap/ sees bpf/ through tap.h alone"),
    (r"extcap/.*", r".*\.bpf\.h|.*\.skel\.h", "extcap/ sees no BPF program"),
    (r"bpf/(?!xdptap/examples/).*", r"(extcap|pcapng)/.*|glib[\w-]*\.h|pcap/.*", "bpf/ knows libc and libbpf"),
    (r"pcapng/.*", r"(extcap|bpf)/.*|glib[\w-]*\.h|pcap/.*", "pcapng/ knows libc"),
]
# libbpf's own names: with the root on the include path, our bpf/ hides its <bpf/...>.
RESERVED = re.compile(LIBBPF + "$")
# Records of the ring are decoded here and nowhere else.
RING = re.compile(r"bpf/(wire\.h|kernel/.*\.bpf\.[ch]|tap\.c|rings/(ring|merge|record)\.[ch])$")


def room_of(path):
    return next((room for room in ROOMS if re.fullmatch(room.paths, path)), None)


class Includes:
    """The graph of all includes: graph[path] is [(line, name, whether it is ours, bracket)]."""

    def __init__(self, paths):
        self.ours = set(paths)
        self.graph = {path: list(self.read(path)) for path in paths}

    def read(self, path):
        for number, line in tree.lines(path):
            include = INCLUDE.match(line)
            if include:
                name = os.path.normpath(include[2])
                beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
                if name not in self.ours and include[1] == '"' and beside in self.ours:
                    name = beside
                yield number, name, name in self.ours, include[1]

    def reached(self, path):
        """{header: the headers on the way to it}, all that the path includes, near ones first."""
        ways, queue = {}, [(path, [])]
        while queue:
            here, way = queue.pop(0)
            for _, name, is_ours, _ in self.graph[here]:
                if name not in ways and name != path:
                    ways[name] = way
                    if is_ours:
                        queue.append((name, way + [name]))
        return ways


def is_allowed(room, name, is_ours, bracket):
    if is_ours:
        target = room_of(name)
        return target is not None and target.name in room.uses
    if bracket == '"':
        return room.name == "tap" and re.fullmatch(r"[\w-]+\.skel\.h", name)
    return re.fullmatch(room.system, name)


def check_includes(path, includes):
    room = room_of(path)
    if room is None:
        if path.startswith(("extcap/", "bpf/", "pcapng/")):
            yield path, "belongs to no room of ROOMS"
        return
    for number, name, is_ours, bracket in includes.graph[path]:
        if not is_allowed(room, name, is_ours, bracket):
            yield f"{path}:{number}", f"{name} may not be included in {room.name}"
    ways = includes.reached(path)
    for paths, names, why in UNREACHABLE:
        for name in sorted(ways) if re.fullmatch(paths, path) else ():
            if ways[name] and re.fullmatch(names, name):
                yield path, f"reaches {name} through {', '.join(ways[name])}: {why}"
    for name in sorted(ways):
        target = room_of(name) if name in includes.ours else None
        if ways[name] and target and target.name not in room.uses and is_upward(room, target):
            yield path, f"reaches {name}, above {room.name}, through {', '.join(ways[name])}"


def is_upward(room, target):
    """Whether the target uses the room: rooms below that are out of sight may be passed through."""
    return room.name in target.uses


def check_content(path):
    for number, line in tree.lines(path):
        if re.search(r"\bstruct wire_frame\b", line) and not RING.match(path) and room_of(path):
            yield f"{path}:{number}", "only the ring's reader may use struct wire_frame"
        if re.search(r"->(bss|data)->", line) and path.startswith("bpf/"):
            yield f"{path}:{number}", "libbpf 1.5 does not map what a skeleton reuses: map it as point-trace.c does"


def main():
    paths = tree.files(".c", ".h")
    includes = Includes(paths)
    faults = []
    for path in paths:
        faults += check_includes(path, includes)
        faults += check_content(path)
    faults += [(path, "hides a header of libbpf") for path in paths if RESERVED.match(path)]
    tree.finish(faults)


main()
