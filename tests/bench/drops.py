#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What "--point drop" costs: packets that are not dropped, and a flood of which every packet is.

usage: drops.py XDPTAP FLOOD [ROUNDS]

Delivered packets are UDP datagrams between two sockets across a veth pair, one at a time; their time with a capture is
divided by that without one, round by round. The flood comes as fast as one CPU can send and receive it, addressed to
the interface and to an IP address that nobody has; the capture runs on the other CPU and writes to /dev/shm.
"""
import os
import socket
import statistics
import struct
import sys
import tempfile
import time

from bench import Wire, cpu_for
from harness import wait_until
from net import FAR_IP, NEAR_IP, bpftool

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
ECHOES, COUNT = 100_000, 2_000_000
ISB, OPTIONS = 5, {4: "isb_ifrecv", 7: "isb_osdrop", 8: "isb_usrdeliv"}
STATISTICS = "/proc/sys/kernel/bpf_stats_enabled"


def start(wire, path, *options):
    process = wire.start(XDPTAP, "-q", "-i", "near", "--point", "drop", *options, "-w", path)
    process.wait_for("Capturing on")
    return process


def echo(wire):
    """Seconds for as many datagrams to near."""
    with wire.near.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(NEAR_IP, 9000)) as near, \
            wire.far.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(FAR_IP, 9000)) as far:
        far.connect((NEAR_IP, 9000))
        before = time.perf_counter()
        for _ in range(ECHOES):
            far.send(b"datagram")
            near.recv(100)
        return time.perf_counter() - before


def runs():
    """How often the programs that see drops have run."""
    return sum(p.get("run_cnt", 0) for p in bpftool("prog", "list") if p.get("name") == "tap_drop")


def count_runs(value):
    with open(STATISTICS, encoding="ascii") as file:
        before = file.read()
    with open(STATISTICS, "w", encoding="ascii") as file:
        file.write(value)
    return before


def print_delivered(wire, path):
    before = count_runs("1")
    try:
        with start(wire, path) as process:
            first = runs()
            echo(wire)
            print(f"delivered: the program ran {runs() - first} times for {ECHOES} packets", flush=True)
            process.signal()
            process.wait()
    finally:
        count_runs(before)
    ratios = []
    for _ in range(ROUNDS):
        alone = echo(wire)
        with start(wire, path) as process:
            ratios.append(echo(wire) / alone)
            process.signal()
            process.wait()
    print(f"delivered: {statistics.median(ratios):.3f} of the time without a capture "
          f"({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


def read_statistics(path):
    """{name: sum} of the interface statistics blocks, which are the last ones of a file."""
    sums = {"isb_ifrecv": 0, "isb_osdrop": 0, "isb_usrdeliv": 0}
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - (1 << 16)))
        data = file.read()
    while True:
        length, = struct.unpack_from("=I", data, len(data) - 4)
        if struct.unpack_from("=I", data, len(data) - length) != (ISB,):
            return sums
        at = len(data) - length + 20
        while True:
            code, size = struct.unpack_from("=HH", data, at)
            if code in OPTIONS:
                sums[OPTIONS[code]] += struct.unpack_from("=Q", data, at + 4)[0]
            if not code:
                break
            at += 4 + (size + 3) // 4 * 4
        data = data[:-length]


def measure(wire, path, size, options):
    """(packets per second through, kept, lost, CPU ns per packet kept)"""
    with start(wire, path, *options) as process:
        busy, rate = cpu_for(process, lambda: wire.flood(size, COUNT))
        process.signal()
        process.wait()
    seen, lost, kept = read_statistics(path).values()
    if seen < COUNT or ("-f" not in options and seen != lost + kept):
        sys.exit(f"{COUNT} dropped, {seen} seen, {kept} kept, {lost} lost")
    return rate, kept, lost, busy / max(kept, 1)


def print_flood(wire, path, size, *options):
    alone, rounds = [], []
    for _ in range(ROUNDS):
        alone.append(wire.flood(size, COUNT))
        rounds.append(measure(wire, path, size, options))
    rate, kept, lost, busy = (statistics.median(r[i] for r in rounds) for i in range(4))
    without = statistics.median(alone)
    print(f"{size} B dropped{' ' if options else ''}{' '.join(options)}: {without / 1e6:.2f} Mpps without a capture, "
          f"{rate / 1e6:.2f} with it ({1e9 / rate - 1e9 / without:.0f} ns more), {100 * kept / COUNT:.1f} % kept, "
          f"{100 * lost / COUNT:.1f} % counted as lost, CPU for each kept {busy:.0f} ns", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir="/dev/shm") as folder, Wire(FLOOD) as wire:
        path = os.path.join(folder, "out")
        print_delivered(wire, path)
        wire.near.ip("link", "set", "near", "address", "02:de:ad:be:ef:01")  # the flood's
        wait_until(lambda: wire.near.link("near")["address"] == "02:de:ad:be:ef:01", "the address")
        print_flood(wire, path, 64)
        print_flood(wire, path, 64, "-f", "tcp")
        print_flood(wire, path, 1500)


main()
