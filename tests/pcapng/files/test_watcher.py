#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Watches a set under load: opens each file as soon as it appears; it must be complete.

    test_watcher.py PROGRAM [LEVEL]     PROGRAM: pcapng/examples/write-files.c; LEVEL: gzip level

No packet is lost, duplicated or out of order, and no limit is exceeded. Uses inotify through ctypes,
because Python has no module for it.
"""
import ctypes
import gzip
import os
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import check_pcapng

PACKETS, BYTES = 40000, 40070
IN_CREATE, IN_MOVED_TO = 0x100, 0x80
EVENT = struct.Struct("iIII")


class Watch:
    """Names that appear in a folder, complete or not."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(folder),
                                                 IN_CREATE | IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def names(self):
        data = os.read(self.fd, 65536)
        at = 0
        while at < len(data):
            length = EVENT.unpack_from(data, at)[3]
            at += EVENT.size
            yield data[at:at + length].rstrip(b"\0").decode()
            at += length


def snatch(watch, folder, contents):
    """The content of each file at the moment it gets its name, until a file "end" appears."""
    while True:
        for name in watch.names():
            if name == "end":
                return
            if not name.endswith(".part"):
                contents.append((name, (Path(folder) / name).read_bytes()))


def numbers(name, content):
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    assert len(content) <= BYTES, f"{name} has {len(content)} bytes"
    blocks = check_pcapng.parse(content)
    assert blocks[-1].name == "ISB", f"{name} does not end in statistics"
    return [struct.unpack_from("=Q", b["data"], 16)[0] for b in blocks if b.name == "EPB"]


def main(program, level="0"):
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=snatch, args=(Watch(folder), folder, contents))
        thread.start()
        try:
            out = subprocess.run([program, f"{folder}/cap.pcapng", str(PACKETS), str(BYTES), "0",
                                  level], check=True, stdout=subprocess.PIPE, text=True).stdout
        finally:
            (Path(folder) / "end").touch()
            thread.join()
        assert not list(Path(folder).glob("*.part"))
    got = [n for name, content in contents for n in numbers(name, content)]
    assert got == list(range(PACKETS)), "lost, twice or out of order"
    names = [name for name, content in contents]
    assert names == sorted(set(names)), "names do not sort by time"
    told = [line.split() for line in out.splitlines()]
    assert [Path(path).name for path, count in told] == names
    assert sum(int(count) for path, count in told) == PACKETS
    assert len(names) > PACKETS * 92 // BYTES
    print(f"{len(names)} files, {PACKETS} packets")


if __name__ == "__main__":
    main(*sys.argv[1:])
