#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --process costs: the hook, the reader, what processes see of it, and memory. Without a capture, with one, and
with one that names processes, in turn.

usage: process.py XDPTAP CONNECTIONS [ROUNDS [connect|accept|tcp|udp|memory]…]
"""
import contextlib
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
WHAT = sys.argv[4:] or ["connect", "accept", "tcp", "udp", "memory"]
PORT, CALLS = 7000, 20000
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


def time_call(pair, call):
    """(median, 99th percentile) in ns of connect(2) or accept(2) in near, with the other end in far."""
    if call == "connect":
        with serving(pair.far, net.FAR_IP):
            return tuple(map(int, pair.near.run(CONNECTIONS, call, net.FAR_IP, str(PORT), str(CALLS)).split()))
    with Process([CONNECTIONS, call, net.NEAR_IP, str(PORT), str(CALLS)], pair.near) as server:
        wait_ready(server)
        pair.far.run(CONNECTIONS, "tcp", net.NEAR_IP, str(PORT), str(CALLS))
        server.wait()
        return tuple(map(int, server.stdout().split()[1:]))


def latency(pair, folder, call):
    """What a process sees of being watched."""
    rows = {}
    for _ in range(ROUNDS):
        for options in (None, (), ("--process",)):
            if options is None:
                rows.setdefault(options, []).append(time_call(pair, call))
                continue
            with Process([XDPTAP, "-q", "-i", "near", "-w", os.path.join(folder, "out.pcapng"), "-B", "64", *options],
                         pair.near) as capture:
                capture.wait_for("Capturing on")
                rows.setdefault(options, []).append(time_call(pair, call))
                capture.signal()
                capture.wait()
    bare = min(rows[None])[0]
    for options, times in rows.items():
        name = "without a capture" if options is None else "with " + (" ".join(options) or "a capture")
        print(f"{call}: median {min(t[0] for t in times)} ns ({min(t[0] for t in times) / bare:.2f}), "
              f"99 %: {min(t[1] for t in times)} ns, {name}", flush=True)


def wait_ready(process):
    wait_until(lambda: b"ready" in process.stdout() or process.has_ended(), "a server")
    if process.has_ended():
        raise SystemExit(process.text())


@contextlib.contextmanager
def serving(namespace, address):
    with Process([CONNECTIONS, "serve", address, str(PORT)], namespace) as server:
        wait_ready(server)
        yield


def memory(pair, folder):
    """Of the maps, with 10^5 sockets known."""
    with Process([CONNECTIONS, "keep", "100000"], pair.near) as keeper:
        wait_ready(keeper)
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
            for call in ("connect", "accept"):
                if call in WHAT:
                    latency(pair, folder, call)
            with serving(pair.far, net.FAR_IP):
                sink = pair.far.socket(net.socket.AF_INET, net.socket.SOCK_DGRAM, bind=(net.FAR_IP, PORT))
                for kind in COUNTS:
                    if kind in WHAT:
                        compare(pair, folder, kind)
                sink.close()
            if "memory" in WHAT:
                memory(pair, folder)
    finally:
        with open(STATS, "w", encoding="ascii") as file:
            file.write("0")


main()
