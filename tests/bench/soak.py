#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether a capture stays what it is: its cost for each frame from 10^5 to 10^8 frames, then its memory.

usage: soak.py XDPTAP FLOOD [MINUTES [FRAMES]]

The capture goes to /dev/null. Behind the numbers come MINUTES (10) of bursts, with the resident memory.
"""
import os
import signal
import subprocess
import sys
import time

XDPTAP, FLOOD = map(os.path.abspath, sys.argv[1:3])
MINUTES = float(sys.argv[3]) if len(sys.argv) > 3 else 10
MOST = int(float(sys.argv[4])) if len(sys.argv) > 4 else 10**8
NEAR, FAR = f"xdptap-soak-{os.getpid()}-near", f"xdptap-soak-{os.getpid()}-far"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_namespaces():
    for name in NEAR, FAR:
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    run("ip", "-n", NEAR, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", FAR)
    run("ip", "-n", NEAR, "link", "set", "near", "up")
    run("ip", "-n", FAR, "link", "set", "far", "up")
    run("ip", "netns", "exec", NEAR, "ethtool", "-K", "near", "gro", "on")


def flood(count):
    run("ip", "netns", "exec", FAR, "taskset", "-c", "0", FLOOD, "far", "64", str(count))


def cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def soak(process):
    sent, count = 0, 10**5
    while count <= MOST:
        before = cpu_ns(process.pid)
        flood(count)
        time.sleep(0.2)
        sent += count
        print(f"{count:>9} frames: {(cpu_ns(process.pid) - before) / count:5.0f} ns of CPU each, "
              f"{resident_kib(process.pid)} KiB resident", flush=True)
        count *= 10
    end = time.monotonic() + 60 * MINUTES
    memory = []
    while time.monotonic() < end:
        flood(300_000)
        time.sleep(1)
        sent += 300_000
        memory.append(resident_kib(process.pid))
    if memory:
        print(f"{MINUTES:g} minutes: {min(memory)} to {max(memory)} KiB resident, "
              f"{memory[0]} at first and {memory[-1]} at last")
    return sent


def main():
    try:
        make_namespaces()
        with subprocess.Popen(["ip", "netns", "exec", NEAR, "taskset", "-c", "1", XDPTAP, "-q", "-i", "near",
                               "-Q", "in", "-w", "/dev/null"], stderr=subprocess.PIPE, text=True) as process:
            while "File:" not in process.stderr.readline():
                pass
            sent = soak(process)
            process.send_signal(signal.SIGINT)
            print(f"{sent} frames sent;", process.stderr.read().strip().replace("\n", "; "))
    finally:
        for name in NEAR, FAR:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


main()
