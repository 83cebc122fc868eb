#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An application that only counts frames: with libxdptap, with libpcap's pcap_dispatch(), and with AF_XDP through libxdp.

usage: library.py COUNT FLOOD [ROUNDS]

A flood on one CPU, the application on the other. Prints the median of the rounds: frames per second through the
interface, frames that the application got, its CPU time for each of them, system calls included, and which share of
the frames reached the network stack after the hook: a socket of AF_XDP takes them away, a tap does not.
"""
import os
import signal
import statistics
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), ".."))
from bench import Wire, cpu_for, wait_until  # noqa: E402, because of the path

COUNT, FLOOD = map(os.path.abspath, sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
LOADS = {  # name: size, frames, frames per second
    "64": (64, 3_000_000, 0),
    "64, a million a second": (64, 2_000_000, 1_000_000),
    "1500": (1500, 1_000_000, 0),
}
TOOLS = ("no capture", "libxdptap", "libpcap", "AF_XDP")


def measure(wire, tool, load):
    """(frames per second, frames counted, CPU ns for each of them, share that reached the stack)"""
    before, count = wire.stack_frames(), LOADS[load][1]
    if tool == "no capture":
        rate = wire.flood(*LOADS[load])
        return rate, 0, 0.0, (wire.stack_frames() - before) / count
    with wire.start(COUNT, tool, "near") as process:
        process_ready(process)
        busy, rate = cpu_for(process, lambda: wire.flood(*LOADS[load]))
        process.signal(signal.SIGTERM)
        if process.wait() != 0:
            raise RuntimeError(process.text())
        counted = int(process.stdout().split()[-1])
    return rate, counted, busy / max(counted, 1), (wire.stack_frames() - before) / count


def process_ready(process):
    wait_until(lambda: b"ready" in process.stdout() or process.has_ended(), "an application that is ready")
    if process.has_ended():
        raise RuntimeError(process.text())


class CountingWire(Wire):
    """Counts what reaches the stack, with a rule of nftables at the device's ingress hook, after XDP."""

    def __enter__(self):
        super().__enter__()
        self.near.run("nft", "add", "table", "netdev", "t")
        self.near.run("nft", "add chain netdev t c { type filter hook ingress device near priority 0; }")
        self.near.run("nft", "add rule netdev t c counter")
        return self

    def stack_frames(self):
        words = self.near.run("nft", "list", "chain", "netdev", "t", "c").split()
        return int(words[words.index("packets") + 1])


def main():
    print("| frames, B | library | through, Mpps | counted | CPU per frame, ns | reach the stack |\n|---|---|---|---|---|---|")
    with CountingWire(FLOOD) as wire:
        for load in LOADS:
            results = {tool: [] for tool in TOOLS}
            for _ in range(ROUNDS):
                for tool in TOOLS:
                    try:
                        results[tool].append(measure(wire, tool, load))
                    except RuntimeError as error:
                        print(f"{tool}: {error}", file=sys.stderr)
            for tool, rounds in results.items():
                if rounds:
                    print_row(load, tool, rounds)


def print_row(load, tool, rounds):
    rate, counted, cost, stack = (statistics.median(r[i] for r in rounds) for i in range(4))
    costs = sorted(r[2] for r in rounds)
    row = f"{100 * counted / LOADS[load][1]:.1f} % | {cost:.0f} ({costs[0]:.0f}–{costs[-1]:.0f})"
    print(f"| {load} | {tool} | {rate / 1e6:.2f} | {row if counted else '– | –'} | {100 * stack:.0f} % |", flush=True)


main()
