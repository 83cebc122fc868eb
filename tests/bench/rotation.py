#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""File rotation compared with other tools, in one run: a flood on one CPU, the tool on the other; then the same
on a disk that fills up.

usage: rotation.py XDPTAP FLOOD [ROUNDS]

All tools have 64 MiB of buffer. Files are 50 MB, on tmpfs; traffic is 500 000 frames of 1500 bytes at
3.6 Gbit/s. CPU is the tool's time per frame kept, system calls included. A file is broken if capinfos cannot
read it to its end.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

from bench import Wire, cpu_for, frames_in
from harness import wait_until

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
FRAMES, PER_SECOND = 500_000, 300_000
TOOLS = {
    "xdptap": [XDPTAP, "-q", "-i", "near", "-Q", "in", "-B", "64", "-b", "filesize:50000",
               "-w"],
    "dumpcap -b": ["dumpcap", "-q", "-i", "near", "-B", "64", "-b", "filesize:50000", "-w"],
    "tcpdump -C": ["tcpdump", "-i", "near", "-B", "65536", "-Q", "in", "-Z", "root", "-C", "50", "-w"],
}


def measure(command, wire, folder):
    """(CPU ns per frame, frames kept, files, broken files, exit status, error message)"""
    with wire.start(*command, os.path.join(folder, "cap.pcapng")) as process:
        wait_until(lambda: os.listdir(folder) or process.has_ended(), f"a file of {command[0]}")
        used, _ = cpu_for(process, lambda: wire.flood(1500, FRAMES, PER_SECOND))
        if not process.has_ended():
            process.signal()
        status = process.wait()
        words = process.stderr().decode().splitlines()
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    each = [frames_in(path) for path in paths]
    for path in paths:
        os.unlink(path)
    kept = sum(frames for frames, _ in each)
    fault = next((line for line in words if re.search("space|full", line, re.I)), "nothing")
    return used / max(kept, 1), kept, len(paths), sum(broken for _, broken in each), status, fault


def print_rows(wire, folder):
    results = {name: [] for name in TOOLS}
    for _ in range(ROUNDS):
        for name, command in TOOLS.items():
            results[name].append(measure(command, wire, folder))
    print("| tool | CPU per frame, ns | kept | files |\n|---|---|---|---|")
    for name, rounds in results.items():
        cost, kept, files = (statistics.median(r[i] for r in rounds) for i in range(3))
        print(f"| {name} | {cost:.0f} | {100 * kept / FRAMES:.1f} % | {files:.0f} |", flush=True)


def print_full_disk(wire, folder):
    print("\n| on a disk of 120 MB | files, broken ones | frames in them | exit status | said |\n"
          "|---|---|---|---|---|")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "none", folder], check=True)
    try:
        for name, command in TOOLS.items():
            _, kept, files, broken, status, fault = measure(command, wire, folder)
            print(f"| {name} | {files}, {broken} | {kept} | {status} | {fault} |", flush=True)
    finally:
        subprocess.run(["umount", folder], check=True)


def main():
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir="/dev/shm") as folder, Wire(FLOOD) as wire:
        print_rows(wire, folder)
        print_full_disk(wire, folder)


main()
