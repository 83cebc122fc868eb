#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --process costs: the hook, the reader, what processes see of it, and memory. Without a capture, with one, and
with one that names processes, in turn.

usage: process.py XDPTAP CONNECTIONS [ROUNDS]
"""
import os
import statistics
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(__file__), ".."))
import bench  # noqa: E402, because of the path
import net
from captures import Capture
from harness import wait_until
from net import Pair, Process

XDPTAP, CONNECTIONS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
PORT = 7000
COUNTS = {"tcp": 20000, "udp": 100000}
STATS = "/proc/sys/kernel/bpf_stats_enabled"


def programs(process):
    """{name: (runs, ns)} of the programs that a capture holds."""
    ids = net.bpf_objects(process.pid)["prog"]
    return {entry["name"]: (entry.get("run_cnt", 0), entry.get("run_time_ns", 0))
            for entry in net.bpftool("prog", "list") if entry["id"] in ids}


def connect(pair, kind):
    return float(pair.near.run("taskset", "-c", "0", CONNECTIONS, kind, net.FAR_IP, str(PORT), str(COUNTS[kind])))


def measure(pair, folder, kind, options):
    """(ns of a connection, {program: ns of a run}, user ns of a frame, frames, lost) with such a capture."""
    path = os.path.join(folder, "out.pcapng")
    command = ["taskset", "-c", "1", XDPTAP, "-q", "-i", "near", "-w", path, "-B", "64", *options]
    with Process(command, pair.near) as capture:
        capture.wait_for("Capturing on")
        ns = []
        cpu, _ = bench.cpu_for(capture, lambda: ns.append(connect(pair, kind)))
        runs = {name: round(spent / count) for name, (count, spent) in programs(capture).items() if count}
        capture.signal()
        capture.wait()
    counters = Capture(path).counters()
    return ns[0], runs, cpu / counters["usrdeliv"], counters["usrdeliv"], counters["osdrop"]


def compare(pair, folder, kind):
    bare, rows = [], {}
    for _ in range(ROUNDS):
        bare.append(connect(pair, kind))
        for options in ((), ("--process",), ("--process", "--point", "tc"), ("--point", "tc")):
            rows.setdefault(options, []).append(measure(pair, folder, kind, options))
    print(f"{kind}: {min(bare):.0f} ns for a connection without a capture")
    for options, all_of in rows.items():
        ns, runs, cpu, frames, _ = min(all_of)
        lost = sum(row[4] for row in all_of)
        print(f"{kind}: {min(row[0] for row in all_of):.0f} ns for a connection, reader {statistics.median(r[2] for r in all_of):.0f} ns a frame, "
              f"{frames} frames, {lost} lost, {1e9 / ns:.0f} connections/s, with {' '.join(options) or 'a capture'}; "
              f"ns a run: {runs}", flush=True)


def memory(pair, folder):
    """Of the maps, with 10^5 sockets known."""
    with Process([CONNECTIONS, "keep", net.NEAR_IP, "1", "100000"], pair.near) as keeper:
        wait_until(lambda: b"ready" in keeper.stdout(), "100000 sockets")
        with Process([XDPTAP, "-q", "-i", "near", "-w", os.path.join(folder, "out.pcapng"), "--process"],
                     pair.near) as capture:
            capture.wait_for("Capturing on")
            ids = net.bpf_objects(capture.pid)["map"]
            used = {entry.get("name"): entry.get("bytes_memlock", 0) for entry in net.bpftool("map", "list")
                    if entry["id"] in ids and entry.get("name") in ("owners", "units", "addresses", "family", "choices")}
            capture.signal()
            capture.wait()
    print(f"memory with 100000 sockets: {used}, {sum(used.values()) / 1e6:.1f} MB")


def main():
    with open(STATS, "w", encoding="ascii") as file:
        file.write("1")
    try:
        with Pair() as pair, tempfile.TemporaryDirectory() as folder:
            with Process([CONNECTIONS, "serve", net.FAR_IP, str(PORT)], pair.far) as server:
                wait_until(lambda: b"ready" in server.stdout(), "a server")
                sink = pair.far.socket(net.socket.AF_INET, net.socket.SOCK_DGRAM, bind=(net.FAR_IP, PORT))
                for kind in COUNTS:
                    compare(pair, folder, kind)
                sink.close()
            memory(pair, folder)
    finally:
        with open(STATS, "w", encoding="ascii") as file:
            file.write("0")


main()
