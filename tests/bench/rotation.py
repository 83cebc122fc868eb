#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files that follow each other, beside the peers', in the same minute: a flood on one CPU, the tool on the
other; then the same onto a disk that becomes full.

usage: rotation.py XDPTAP FLOOD [ROUNDS]

All have 64 MiB of buffer. Files of 50 MB on a tmpfs, 500 000 frames of 1500 bytes at 3.6 Gbit/s. CPU is the tool's, system calls
included, for each frame kept. A broken file is one that capinfos does not read to its end.
"""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
NEAR, FAR = f"xdptap-bench-{os.getpid()}-near", f"xdptap-bench-{os.getpid()}-far"
FRAMES, PER_SECOND = 500_000, 300_000
TOOLS = {
    "xdptap": [XDPTAP, "-q", "-i", "near", "-Q", "in", "-B", "64", "-b", "filesize:50000",
               "-w"],
    "dumpcap -b": ["dumpcap", "-q", "-i", "near", "-B", "64", "-b", "filesize:50000", "-w"],
    "tcpdump -C": ["tcpdump", "-i", "near", "-B", "65536", "-Q", "in", "-Z", "root", "-C", "50", "-w"],
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


def flood():
    run("ip", "netns", "exec", FAR, "taskset", "-c", "0", FLOOD, "far", "1500", str(FRAMES), str(PER_SECOND))


def cpu_ns(process):
    """Of all its threads and of the children that it has waited for."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            with open(f"/proc/{process.pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        total += (int(fields[13]) + int(fields[14])) * 10**9 // os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        pass
    return total


def wait_idle(process):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        before = cpu_ns(process)
        time.sleep(0.3)
        if cpu_ns(process) - before < 3_000_000:
            return


def frames_in(path):
    """(frames, is it broken)"""
    done = subprocess.run(["capinfos", "-T", "-m", "-r", "-M", "-c", path], capture_output=True, text=True)
    found = re.search(r",(\d+)$", done.stdout.strip())
    return int(found[1]) if found else 0, done.returncode != 0 or not found


def measure(command, folder):
    """(CPU ns for each frame, frames kept, files, broken ones, exit status, what it said last)"""
    process = subprocess.Popen(["ip", "netns", "exec", NEAR, "taskset", "-c", "1", *command,
                                os.path.join(folder, "cap.pcapng")], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while not os.listdir(folder) and process.poll() is None:
        time.sleep(0.01)
    wait_idle(process)
    before = cpu_ns(process)
    flood()
    wait_idle(process)
    used = cpu_ns(process) - before
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    words = process.communicate()[1].splitlines()
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    each = [frames_in(path) for path in paths]
    for path in paths:
        os.unlink(path)
    kept = sum(frames for frames, _ in each)
    fault = next((line for line in words if re.search("space|full", line, re.I)), "nothing")
    return used / max(kept, 1), kept, len(paths), sum(broken for _, broken in each), process.returncode, fault


def print_rows(folder):
    results = {name: [] for name in TOOLS}
    for _ in range(ROUNDS):
        for name, command in TOOLS.items():
            results[name].append(measure(command, folder))
    print("| tool | CPU per frame, ns | kept | files |\n|---|---|---|---|")
    for name, rounds in results.items():
        cost, kept, files = (statistics.median(r[i] for r in rounds) for i in range(3))
        print(f"| {name} | {cost:.0f} | {100 * kept / FRAMES:.1f} % | {files:.0f} |", flush=True)


def print_full_disk(folder):
    print("\n| on a disk of 120 MB | files, broken ones | frames in them | exit status | said |\n|---|---|---|---|---|")
    run("mount", "-t", "tmpfs", "-o", "size=120m", "none", folder)
    try:
        for name, command in TOOLS.items():
            _, kept, files, broken, status, fault = measure(command, folder)
            print(f"| {name} | {files}, {broken} | {kept} | {status} | {fault} |", flush=True)
    finally:
        run("umount", folder)


def main():
    folder = tempfile.mkdtemp(prefix="xdptap-bench-", dir="/dev/shm")
    try:
        make_namespaces()
        print_rows(folder)
        print_full_disk(folder)
    finally:
        shutil.rmtree(folder)
        for name in NEAR, FAR:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


main()
