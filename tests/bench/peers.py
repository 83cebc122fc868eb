#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a capture costs, beside the peers', in the same minute: a flood on one CPU, the tool on the other.

usage: peers.py XDPTAP XDPTAP-DROP DROP.bpf.o FLOOD [ROUNDS]

Frames come out of one end of a veth pair as fast as one CPU makes and receives them, and go to nobody, so
that the stack drops them early. Each tool writes to a tmpfs. The median of the rounds is printed: frames per
second that got through the interface, frames kept, and the tool's CPU time for each frame kept, its system
calls included. "1500 paced" is a flood of 6 Gbit/s. "64 dropped" is traffic that XDP drops: of it the peers
see nothing; xdptap's program is built to drop what it took.
"""
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

XDPTAP, XDPTAP_DROP, DROP, FLOOD = map(os.path.abspath, sys.argv[1:5])
ROUNDS = int(sys.argv[5]) if len(sys.argv) > 5 else 3
NEAR, FAR = f"xdptap-bench-{os.getpid()}-near", f"xdptap-bench-{os.getpid()}-far"
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


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_namespaces():
    for name in NEAR, FAR:
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    run("ip", "-n", NEAR, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", FAR)
    run("ip", "-n", NEAR, "link", "set", "near", "up")
    run("ip", "-n", FAR, "link", "set", "far", "up")
    run("ip", "netns", "exec", NEAR, "ethtool", "-K", "near", "gro", "on")


def flood(load):
    size, count, pace = LOADS[load]
    done = subprocess.run(["ip", "netns", "exec", FAR, "taskset", "-c", "0", FLOOD, "far", str(size),
                           str(count), str(pace)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def cpu_of(process):
    """Nanoseconds."""
    with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def is_idle(process):
    before = cpu_of(process)
    time.sleep(0.3)
    return cpu_of(process) - before < 3_000_000


def wait_idle(process, path):
    deadline = time.monotonic() + 30
    while not (os.path.exists(path) and is_idle(process)) and time.monotonic() < deadline:
        pass


def count(path):
    done = subprocess.run(["capinfos", "-T", "-m", "-r", "-M", "-c", path], capture_output=True, text=True)
    return int(done.stdout.strip().split(",")[-1])


def measure_none(load):
    if load != "64 dropped":
        return flood(load), 0, 0.0
    run("ip", "-n", NEAR, "link", "set", "near", "xdp", "obj", DROP, "sec", "xdp")
    rate = flood(load)
    run("ip", "-n", NEAR, "link", "set", "near", "xdp", "off")
    return rate, 0, 0.0


def measure(command, load, folder):
    """Frames per second, frames kept, ns of CPU for each of them."""
    if not command:
        return measure_none(load)
    path = os.path.join(folder, "out")
    process = subprocess.Popen(["ip", "netns", "exec", NEAR, "taskset", "-c", "1", *command, path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_idle(process, path)
    before = cpu_of(process)
    rate = flood(load)
    wait_idle(process, path)
    busy = cpu_of(process) - before
    process.send_signal(signal.SIGINT)
    process.wait()
    kept = count(path)
    os.unlink(path)
    return rate, kept, busy / max(kept, 1)


def tools_for(load):
    found = {name: command for name, command in TOOLS.items() if not command or shutil.which(command[0])}
    if load != "64 dropped":
        return found
    return {"no capture": None, "xdptap": [XDPTAP_DROP, *found["xdptap"][1:]]}


def print_rows(load, tools, folder):
    results = {name: [] for name in tools}
    for _ in range(ROUNDS):
        for name, command in tools.items():
            results[name].append(measure(command, load, folder))
    for name, rounds in results.items():
        rate, kept, cost = (statistics.median(r[i] for r in rounds) for i in range(3))
        row = f"{100 * kept / LOADS[load][1]:.1f} % | {cost:.0f}" if tools[name] else "– | –"
        print(f"| {load} | {name} | {rate / 1e6:.2f} | {row} |", flush=True)


def main():
    folder = tempfile.mkdtemp(prefix="xdptap-bench-", dir="/dev/shm")
    try:
        make_namespaces()
        print("| frames, B | tool | through, Mpps | kept | CPU per frame kept, ns |\n|---|---|---|---|---|")
        for load in LOADS:
            print_rows(load, tools_for(load), folder)
    finally:
        shutil.rmtree(folder)
        for name in NEAR, FAR:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


main()
