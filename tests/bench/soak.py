#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether a capture stays as it is: its cost per frame from 10^5 to 10^8 frames, then its memory.

usage: soak.py XDPTAP FLOOD [MINUTES [FRAMES]]

The capture goes to /dev/null. MINUTES (10) of bursts follow, during which resident memory is measured.
"""
import os
import sys
import time

from bench import Wire, cpu_ns

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
MINUTES = float(sys.argv[3]) if len(sys.argv) > 3 else 10
MOST = int(float(sys.argv[4])) if len(sys.argv) > 4 else 10**8


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def soak(wire, process):
    sent, count = 0, 10**5
    while count <= MOST:
        before = cpu_ns(process)
        wire.flood(64, count)
        time.sleep(0.2)
        sent += count
        print(f"{count:>9} frames: {(cpu_ns(process) - before) / count:5.0f} ns of CPU each, "
              f"{resident_kib(process)} KiB resident", flush=True)
        count *= 10
    end = time.monotonic() + 60 * MINUTES
    memory = []
    while time.monotonic() < end:
        wire.flood(64, 300_000)
        time.sleep(1)
        sent += 300_000
        memory.append(resident_kib(process))
    if memory:
        print(f"{MINUTES:g} minutes: {min(memory)} to {max(memory)} KiB resident, "
              f"{memory[0]} at first and {memory[-1]} at last")
    return sent


def main():
    with Wire(FLOOD) as wire, wire.start(XDPTAP, "-q", "-i", "near", "-Q", "in", "-w", "/dev/null") as process:
        process.wait_for("File:")
        before = len(process.stderr())
        sent = soak(wire, process)
        process.signal()
        process.wait()
        said = process.stderr()[before:].decode()
        print(f"{sent} frames sent;", said.strip().replace("\n", "; "))


main()
