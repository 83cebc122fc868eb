#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cost of a capture compared with other tools, in one run: a flood on one CPU, the tool on the other.

usage: peers.py XDPTAP XDPTAP-DROP DROP.bpf.o FLOOD [ROUNDS [FOLDER]]

Frames arrive at one end of a veth pair as fast as one CPU can send and receive them; they are addressed to
nobody, so the stack drops them early. Each tool writes to FOLDER (default: /dev/shm). Prints the median of the
rounds: frames per second through the interface, frames kept, and the tool's CPU time per frame kept, system
calls included. "1500 paced" is a flood of 6 Gbit/s. "64 dropped" is traffic that XDP drops: the other tools
see none of it; xdptap runs with a program that drops each frame after capturing it.
"""
import os
import shutil
import statistics
import sys
import tempfile

from bench import Wire, cpu_for, frames_in
from harness import wait_until

XDPTAP, XDPTAP_DROP, DROP, FLOOD = map(os.path.abspath, sys.argv[1:5])
ROUNDS = int(sys.argv[5]) if len(sys.argv) > 5 else 3
FOLDER = sys.argv[6] if len(sys.argv) > 6 else "/dev/shm"
LOADS = {  # name: size, frames, frames per second
    "64": (64, 4_000_000, 0),
    "64 dropped": (64, 4_000_000, 0),
    "256": (256, 2_000_000, 0),
    "1500": (1500, 500_000, 0),
    "1500 paced": (1500, 500_000, 500_000),
}
TOOLS = {
    "no capture": None,
    "xdptap": [XDPTAP, "-q", "-i", "near", "-Q", "in", "-w"],
    "tcpdump": ["tcpdump", "-i", "near", "-B", "65536", "-Q", "in", "-Z", "root", "-w"],
    "dumpcap": ["dumpcap", "-q", "-i", "near", "-B", "64", "-w"],
    "netsniff-ng": ["netsniff-ng", "--silent", "--in", "near", "--ring-size", "64MiB", "--out"],
}


def measure_none(wire, load):
    if load != "64 dropped":
        return wire.flood(*LOADS[load]), 0, 0.0
    wire.near.load_xdp(DROP)
    rate = wire.flood(*LOADS[load])
    wire.near.ip("link", "set", "near", "xdp", "off")
    return rate, 0, 0.0


def measure(command, load, wire, folder):
    """(frames per second, frames kept, CPU ns per frame kept)"""
    if not command:
        return measure_none(wire, load)
    path = os.path.join(folder, "out")
    with wire.start(*command, path) as process:
        wait_until(lambda: os.path.exists(path), f"the file of {command[0]}")
        busy, rate = cpu_for(process, lambda: wire.flood(*LOADS[load]))
        process.signal()
        process.wait()
    kept, _ = frames_in(path)
    os.unlink(path)
    return rate, kept, busy / max(kept, 1)


def tools_for(load):
    found = {name: command for name, command in TOOLS.items() if not command or shutil.which(command[0])}
    if load != "64 dropped":
        return found
    return {"no capture": None, "xdptap": [XDPTAP_DROP, *found["xdptap"][1:]]}


def print_rows(load, tools, wire, folder):
    results = {name: [] for name in tools}
    for _ in range(ROUNDS):
        for name, command in tools.items():
            results[name].append(measure(command, load, wire, folder))
    for name, rounds in results.items():
        rate, kept, cost = (statistics.median(r[i] for r in rounds) for i in range(3))
        row = f"{100 * kept / LOADS[load][1]:.1f} % | {cost:.0f}" if tools[name] else "– | –"
        print(f"| {load} | {name} | {rate / 1e6:.2f} | {row} |", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir=FOLDER) as folder, Wire(FLOOD) as wire:
        print("| frames, B | tool | through, Mpps | kept | CPU per frame kept, ns |\n|---|---|---|---|---|")
        for load in LOADS:
            print_rows(load, tools_for(load), wire, folder)


main()
