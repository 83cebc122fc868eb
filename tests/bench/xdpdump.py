#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces an XDP program with xdptap and with xdpdump under the same traffic, and compares the files.

usage: xdpdump.py XDPTAP TRACED.bpf.o FLOOD

The program changes each frame and drops it. Two senders, one per CPU, write a number and the time into each
frame; then a flood overloads both tools. This requires a kernel that allows tracing of XDP programs;
"tests/kernels/boot 6.12 -- meson test -C build --benchmark xdpdump" runs it under one. Times are long under an
emulator, but the ratios hold.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter

from bench import Wire, cpu_for
from net import Process

XDPTAP, TRACED, FLOOD = map(os.path.abspath, sys.argv[1:4])
EACH, FLOODED = 5000, 200_000
SENDER = f"""
import os, socket, struct, sys, time
os.sched_setaffinity(0, [int(sys.argv[1])])
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("far", 0))
for number in range({EACH}):
    head = bytes.fromhex("020000000001 020000000002 88b5 0101 00000000".replace(" ", ""))
    out.send(head + struct.pack(">IQQ", int(sys.argv[1]), number, time.time_ns()) + bytes(60))
"""
TOOLS = {
    "xdptap": ([XDPTAP, "-i", "near", "--point", "trace", "-Q", "in", "-w"], "Capturing on"),
    "xdpdump": (["xdpdump", "-i", "near", "--rx-capture", "entry,exit", "-w"], "listening on"),
}


def send(wire):
    senders = [Process([sys.executable, "-c", SENDER, str(cpu)], wire.far) for cpu in (0, 1)]
    for sender in senders:
        with sender:
            assert sender.wait(300) == 0, sender.text()


def measure(wire, name, traffic, path):
    """Captures traffic() to path and returns the tool's CPU time."""
    command, ready = TOOLS[name]
    with Process([*command, path], wire.near) as process:
        process.wait_for(ready)
        used, _ = cpu_for(process, traffic)
        process.signal()
        process.wait(60)
    return used


def read(path):
    """(seconds since the epoch as text, packet id, data) of each packet."""
    out = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e",
                          "frame.packet_id", "-e", "data.data"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return [line.split("\t") for line in out.splitlines()]


def nanoseconds(text):
    seconds, fraction = text.split(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def judge(name, used, packets):
    """Prints what the numbered frames show."""
    ours = [(nanoseconds(ts), number, bytes.fromhex(data)) for ts, number, data in packets
            if len(data) > 60 and data.startswith("01")]
    times = [ts for ts, _, _ in ours]
    errors = [abs(ts - int.from_bytes(data[18:26], "big")) for ts, _, data in ours]
    pairs = Counter((number, data[6:18]) for _, number, data in ours)
    print(f"| {name} | {len(ours)} of {4 * EACH} | {sum(b < a for a, b in zip(times, times[1:]))} | "
          f"{statistics.median(errors) / 1e6:.3f} ms | {sum(n == 2 for n in pairs.values())} of "
          f"{2 * EACH} | {used / max(len(ours), 1) / 1000:.1f} us |", flush=True)


def print_rows(wire, path):
    print("| tool | records kept | out of order | error of time, median | pairs with one id | CPU per "
          "record |\n|---|---|---|---|---|---|")
    for name in TOOLS:
        used = measure(wire, name, lambda: send(wire), path)
        judge(name, used, read(path))
        os.unlink(path)


def print_flood(wire, path):
    print(f"\nA flood of {FLOODED} frames of 64 bytes:")
    for name in TOOLS:
        used = measure(wire, name, lambda: wire.flood(64, FLOODED), path)
        kept = len(read(path))
        os.unlink(path)
        print(f"{name}: {100 * kept / FLOODED / 2:.1f} % of the records, {used / max(kept, 1):.0f} ns "
              "of CPU for each")


def main():
    if not shutil.which("xdpdump"):
        sys.exit("needs xdpdump")
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir="/dev/shm") as folder, Wire(FLOOD) as wire:
        wire.near.load_xdp(TRACED)
        path = os.path.join(folder, "out.pcapng")
        print_rows(wire, path)
        print_flood(wire, path)


main()
