#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A live capture under dumpcap, beside dumpcap's own ceiling, in the same minute.

usage: live.py XDPTAP FLOOD [ROUNDS]

The ceiling is what dumpcap takes from a FIFO in which the blocks of the same capture lie ready (cat writes
them). dumpcap and its writer share one CPU, the flood has the other, in both runs. Printed are packets per
second that dumpcap wrote; then what an idle capture costs, and how long a lone frame takes to the output.
"""
import os
import select
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
FRAMES, PER_SECOND = 2_000_000, 500_000


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def inside(namespace, *command, **more):
    return subprocess.Popen(["ip", "netns", "exec", namespace, *command], stderr=subprocess.DEVNULL,
                            **{"stdout": subprocess.DEVNULL, **more})


def make_namespaces():
    for name in NEAR, FAR:
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    run("ip", "-n", NEAR, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", FAR)
    run("ip", "-n", NEAR, "link", "set", "near", "up")
    run("ip", "-n", FAR, "link", "set", "far", "up")
    run("ip", "netns", "exec", NEAR, "ethtool", "-K", "near", "gro", "on")


def flood():
    run("ip", "netns", "exec", FAR, "taskset", "-c", "0", FLOOD, "far", "64", str(FRAMES), str(PER_SECOND))


def count(path):
    try:
        return int(run("capinfos", "-T", "-m", "-r", "-M", "-c", path).strip().split(",")[-1])
    except subprocess.CalledProcessError:
        return 0


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def dumpcap_with(folder, options, start_writer):
    """Packets per second of dumpcap while a flood of PER_SECOND goes on."""
    fifo, path = os.path.join(folder, "fifo"), os.path.join(folder, "out")
    os.mkfifo(fifo)
    writer = start_writer(fifo)
    dumpcap = inside(NEAR, "taskset", "-c", "1", "dumpcap", "-q", "-i", fifo, "-w", path, *options)
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 100)
    begin, before = time.monotonic(), os.path.getsize(path)
    flood()
    took, size = time.monotonic() - begin, os.path.getsize(path) - before
    writer.terminate()
    writer.wait()
    dumpcap.wait()
    all_packets, all_size = count(path), os.path.getsize(path)
    for name in fifo, path:
        os.unlink(name)
    return all_packets * size / all_size / took


def tap(fifo, *options):
    return inside(NEAR, "taskset", "-c", "1", XDPTAP, "--capture", "--extcap-interface", "xdptap-near",
                  "--fifo", fifo, "--direction", "in", *options)


def make_ready(folder):
    """What the tap would write, ready."""
    path = os.path.join(folder, "ready")
    process = inside(NEAR, XDPTAP, "-q", "-i", "near", "-Q", "in", "-B", "64", "-w", path)
    wait_for(lambda: os.path.exists(path))
    time.sleep(0.5)
    flood()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.wait()
    return path


def cpu_ns(process):
    with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def print_idle():
    """CPU of ten idle seconds; the delay of lone frames, from send(2) to the output's arrival."""
    tap_process = inside(NEAR, XDPTAP, "-q", "-i", "near", "-Q", "in", "-w", "-", stdout=subprocess.PIPE)
    out = tap_process.stdout.fileno()
    time.sleep(1)
    os.read(out, 1 << 20)
    before = cpu_ns(tap_process)
    time.sleep(10)
    print(f"idle: {(cpu_ns(tap_process) - before) / 1e5:.4f} % of a CPU")
    sender = ("import socket,time\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind(('far',0))\n"
              "for n in range(50):\n time.sleep(.1)\n print(time.time_ns(),flush=True)\n s.send(bytes(60))")
    delays = []
    with inside(FAR, sys.executable, "-c", sender, stdout=subprocess.PIPE, text=True) as far:
        for line in far.stdout:
            if not select.select([out], [], [], 5)[0]:
                continue
            os.read(out, 1 << 20)
            delays.append((time.time_ns() - int(line)) / 1e6)
    print(f"lone frame, of {len(delays)}: median {statistics.median(delays):.2f} ms, worst {max(delays):.2f} ms")
    tap_process.send_signal(signal.SIGINT)
    tap_process.wait()


def main():
    folder = tempfile.mkdtemp(prefix="xdptap-bench-", dir="/dev/shm")
    try:
        make_namespaces()
        print_idle()
        ready = make_ready(folder)
        ceiling, live, pcap = [], [], []
        for _ in range(ROUNDS):
            ceiling.append(dumpcap_with(folder, [], lambda fifo: inside(
                NEAR, "taskset", "-c", "1", "sh", "-c", f"while cat {ready}; do :; done > {fifo}")))
            live.append(dumpcap_with(folder, [], tap))
            pcap.append(dumpcap_with(folder, ["-P"], lambda fifo: tap(fifo, "--format", "pcap")))
        best, ours, old = (statistics.median(rounds) for rounds in (ceiling, live, pcap))
        print(f"dumpcap, 64 B: ready blocks {best / 1e3:.0f} k/s, live {ours / 1e3:.0f} k/s: {ours / best:.2f}; "
              f"with --format pcap {old / 1e3:.0f} k/s: {old / ours:.2f}")
    finally:
        shutil.rmtree(folder)
        for name in NEAR, FAR:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


main()
