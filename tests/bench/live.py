#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A live capture read by dumpcap, compared with the most that dumpcap can read, in one run.

usage: live.py XDPTAP FLOOD [ROUNDS]

The ceiling is what dumpcap reads from a FIFO when cat writes prepared blocks of the same capture into it. In
both runs, dumpcap and its writer share one CPU and the flood has the other. Prints the packets per second that
dumpcap wrote, then the cost of an idle capture and the time that a single frame takes to reach the output.
"""
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from bench import Wire, cpu_ns, frames_in
from harness import wait_until
from net import Process

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
FRAMES, PER_SECOND = 2_000_000, 500_000
STANDALONE = [XDPTAP, "-q", "-i", "near", "-Q", "in"]
SENDER = """
import socket, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("far", 0))
for _ in range(50):
    time.sleep(0.1)
    print(time.time_ns(), flush=True)
    out.send(bytes(60))
"""


def dumpcap_with(wire, folder, options, start_writer):
    """Packets per second that dumpcap writes during a flood of PER_SECOND."""
    fifo, path = os.path.join(folder, "fifo"), os.path.join(folder, "out")
    os.mkfifo(fifo)
    with start_writer(fifo) as writer, wire.start("dumpcap", "-q", "-i", fifo, "-w", path, *options) as dumpcap:
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path), "the head of dumpcap's file")
        begin, before = time.monotonic(), os.path.getsize(path)
        wire.flood(64, FRAMES, PER_SECOND)
        took, size = time.monotonic() - begin, os.path.getsize(path) - before
        writer.signal(signal.SIGTERM)
        writer.wait()
        dumpcap.wait()
    all_packets, all_size = frames_in(path)[0], os.path.getsize(path)
    for name in fifo, path:
        os.unlink(name)
    return all_packets * size / all_size / took


def make_ready(wire, folder):
    """Prepares a file with the blocks that the tap would write."""
    path = os.path.join(folder, "ready")
    with Process([*STANDALONE, "-B", "64", "-w", path], wire.near) as process:
        wait_until(lambda: os.path.exists(path), "a file")
        time.sleep(0.5)
        wire.flood(64, FRAMES, PER_SECOND)
        time.sleep(0.5)
        process.signal()
        process.wait()
    return path


def print_delays(wire, out):
    """Prints the delays of single frames, from send(2) to the output."""
    delays = []
    with Process([sys.executable, "-c", SENDER], wire.far, stdout=subprocess.PIPE, text=True) as far:
        for line in far.popen.stdout:
            if not select.select([out], [], [], 5)[0]:
                continue
            os.read(out, 1 << 20)
            delays.append((time.time_ns() - int(line)) / 1e6)
    print(f"lone frame, of {len(delays)}: median {statistics.median(delays):.2f} ms, worst {max(delays):.2f} ms")


def print_idle(wire):
    """Prints the CPU time of ten idle seconds, then the delays."""
    with Process([*STANDALONE, "-w", "-"], wire.near, stdout=subprocess.PIPE) as process:
        out = process.popen.stdout.fileno()
        time.sleep(1)
        os.read(out, 1 << 20)
        before = cpu_ns(process)
        time.sleep(10)
        print(f"idle: {(cpu_ns(process) - before) / 1e5:.4f} % of a CPU")
        print_delays(wire, out)
        process.signal()
        process.wait()


def print_rates(wire, folder):
    ready = make_ready(wire, folder)

    def cat(fifo):
        return wire.start("sh", "-c", f"while cat {ready}; do :; done > {fifo}")

    def tap(fifo, *options):
        return wire.start(XDPTAP, "--capture", "--extcap-interface", "xdptap-near", "--fifo", fifo,
                          "--direction", "in", *options)

    ceiling, live, pcap = [], [], []
    for _ in range(ROUNDS):
        ceiling.append(dumpcap_with(wire, folder, [], cat))
        live.append(dumpcap_with(wire, folder, [], tap))
        pcap.append(dumpcap_with(wire, folder, ["-P"], lambda fifo: tap(fifo, "--format", "pcap")))
    best, ours, old = (statistics.median(rounds) for rounds in (ceiling, live, pcap))
    print(f"dumpcap, 64 B: ready blocks {best / 1e3:.0f} k/s, live {ours / 1e3:.0f} k/s: {ours / best:.2f}; "
          f"with --format pcap {old / 1e3:.0f} k/s: {old / ours:.2f}")


def main():
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir="/dev/shm") as folder, Wire(FLOOD) as wire:
        print_idle(wire)
        print_rates(wire, folder)


main()
