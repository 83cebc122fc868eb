#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the disk costs and what its stalls lose, beside the peers', in the same minute.

usage: disk.py XDPTAP FLOOD [--rounds N] [--folder FOLDER] [--old XDPTAP] [cost] [stall] [cache] [gzip] [profile]

A flood on one CPU, the tool on the other, files on ext4 (FOLDER, the working directory unless another is named)
and on tmpfs (/dev/shm).

cost     CPU for each frame kept: the tool's own, and the whole machine's (/proc/stat) until the file is on the
         disk, without that of the same flood when nobody captures. Writeback and hooks run elsewhere than in the
         tool. The machine must have nothing else to do. Median of the rounds, and their least and most.
stall    An ext4 file system that is frozen for a while, at 200 000 frames of 300 bytes a second.
cache    What a capture leaves in the page cache, and what it pushes out of it, where memory is 768 MiB: a
         control group in which somebody has read a file of 384 MiB before.
gzip     Frames a second that --compress gzip takes with one CPU and with two; and those of an older program.
profile  Where the time of a 64-byte frame goes, by perf's samples of all threads.
"""
import argparse
import os
import re
import resource
import statistics
import subprocess
import tempfile
import threading
import time

from bench import Wire, cpu_ns, frames_in
from disks import Disk, Frozen, SmallGroup, cached
import books

LOADS = {"64": (64, 800_000, 1_000_000), "1500": (1500, 90_000, 150_000)}  # size, frames, a second
STALL = (300, 200_000)  # size, frames a second
CACHE = (1500, 500_000, 100_000)
MEMORY, INNOCENT = 768 << 20, 384 << 20  # bytes
GZIP = (300, 1_000_000, 0)
SHOWN = 14  # symbols of the profile


def tools(xdptap):
    ours = [xdptap, "-i", "near", "-Q", "in"]
    return {
        "xdptap": [*ours, "-w"],
        "xdptap --direct-io on": [*ours, "--direct-io", "on", "-w"],
        "xdptap --direct-io off": [*ours, "--direct-io", "off", "-w"],
        "tcpdump -B 65536": ["tcpdump", "-i", "near", "-B", "65536", "-Q", "in", "-Z", "root", "-w"],
        "dumpcap -B 64": ["dumpcap", "-q", "-i", "near", "-B", "64", "-w"],
    }


def machine_ns():
    """CPU that the machine has used: all but idle, waiting and stolen time."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * 10**9 // os.sysconf("SC_CLK_TCK")


def children_ns():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((used.ru_utime + used.ru_stime) * 1e9)


def begin(wire, command, path, cpus="1", **options):
    process = wire.start("taskset", "-c", cpus, *command, path, **options)
    process.checked = 0  # frames are counted here, and an older program has fewer causes of losses
    process.wait_for("listening on" if command[0] == "tcpdump" else "File: ")
    return process


def end(process):
    """Its CPU in all, from the start to the end."""
    before = children_ns()
    process.signal()
    process.popen.wait(120)
    return children_ns() - before


def sync(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def measure(wire, command, load, folder):
    """(frames kept, ns of the tool, ns of the machine)"""
    path = os.path.join(folder, "out")
    with begin(wire, command, path) as process:
        before, all_before = cpu_ns(process), machine_ns()
        wire.flood(*LOADS[load])
        used = end(process) - before
        sync(path)
        everything = machine_ns() - all_before
    kept, _ = frames_in(path)
    os.unlink(path)
    return kept, used, everything


def flood_alone(wire, load):
    before = machine_ns()
    wire.flood(*LOADS[load])
    return machine_ns() - before


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


def print_cost(wire, options):
    print("| files on | frames, B | tool | kept | CPU of the tool per frame kept, ns | of the machine, ns |\n"
          "|---|---|---|---|---|---|")
    for place, folder in (("ext4", options.folder), ("tmpfs", "/dev/shm")):
        with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir=folder) as inner:
            for load in LOADS:
                print_load(wire, options, place, load, inner)


def print_load(wire, options, place, load, folder):
    alone, results = [], {name: [] for name in tools(options.xdptap)}
    for _ in range(options.rounds):
        alone.append(flood_alone(wire, load))
        for name, command in tools(options.xdptap).items():
            results[name].append(measure(wire, command, load, folder))
    nobody = statistics.median(alone)
    for name, rounds in results.items():
        kept = statistics.median(r[0] for r in rounds)
        print(f"| {place} | {load} | {name} | {100 * kept / LOADS[load][1]:.1f} % | "
              f"{spread([used / max(n, 1) for n, used, _ in rounds])} | "
              f"{spread([(every - nobody) / max(n, 1) for n, _, every in rounds])} |", flush=True)


def stall(wire, command, disk, seconds):
    """(frames sent, frames kept, frames that the tool says it lost)"""
    path, size, rate = os.path.join(disk.folder, "out"), *STALL
    sent = int(rate * (seconds + 1.5))
    with begin(wire, command, path) as process:
        load = threading.Thread(target=wire.flood, args=(size, sent, rate))
        load.start()
        time.sleep(0.7)
        with Frozen(disk):
            time.sleep(seconds)
        load.join()
        end(process)
        lost = lost_of(process.stderr().decode())
    kept, _ = frames_in(path)
    os.unlink(path)
    return sent, kept, lost


def lost_of(said):
    """What xdptap counts by cause; what the others call dropped."""
    summary = books.last_summary(said)
    if summary:
        _, (count,) = summary
        return ", ".join(f"{n} ({cause})" for cause, n in zip(books.CAUSES, count.causes) if n) or "0"
    found = re.search(r"(\d+) packets dropped by kernel|on interface '.*': \d+/(\d+)", said)
    return found[1] or found[2] if found else "?"


def print_stalls(wire, options):
    found, xdptap = tools(options.xdptap), options.xdptap
    cases = [("xdptap", found["xdptap"], 1), ("tcpdump -B 65536", found["tcpdump -B 65536"], 1),
             ("dumpcap -B 64", found["dumpcap -B 64"], 1),
             ("xdptap -C 16M", [xdptap, "-C", "16M", *found["xdptap"][1:]], 1),
             ("xdptap -C 1G", [xdptap, "-C", "1G", *found["xdptap"][1:]], 10)]
    print("\n| tool | the disk stands still | sent | lost | of which it knows |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir=options.folder) as folder, \
            Disk(folder + "/image", folder + "/disk", size=2 << 30) as disk:
        for name, command, seconds in cases:
            sent, kept, lost = stall(wire, command, disk, seconds)
            print(f"| {name} | {seconds} s | {sent} | {sent - kept} | {lost} |", flush=True)


def make_file(path, size):
    """A file on the disk alone."""
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cache(wire, command, folder):
    """(frames kept, bytes of the capture in the page cache, bytes of the other file)"""
    path, innocent = os.path.join(folder, "out"), os.path.join(folder, "innocent")
    make_file(innocent, INNOCENT)
    with SmallGroup(MEMORY) as group:
        subprocess.run(["cat", innocent], stdout=subprocess.DEVNULL, preexec_fn=group.join, check=True)
        with begin(wire, command, path, preexec_fn=group.join) as process:
            wire.flood(*CACHE)
            end(process)
        found = cached(path), cached(innocent)
        kept, _ = frames_in(path)
        os.unlink(path)
        os.unlink(innocent)
    return kept, *found


def print_cache(wire, options):
    print("\n| tool | kept | of its file in the page cache, MB | of another file, MB |\n|---|---|---|---|")
    for name, command in tools(options.xdptap).items():
        with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir=options.folder) as folder:
            kept, own, others = cache(wire, command, folder)
        print(f"| {name} | {100 * kept / CACHE[1]:.1f} % | {own / 1e6:.1f} | {others / 1e6:.1f} of {INNOCENT / 1e6:.1f} |",
              flush=True)


def gzip_rate(wire, xdptap, cpus, folder):
    """Frames a second from the first of a flood to the end of the file."""
    path = os.path.join(folder, "out.gz")
    command = [xdptap, "-i", "near", "-Q", "in", "-B", "64", "--compress", "gzip", "-w"]
    with begin(wire, command, path, cpus) as process:
        since = time.monotonic()
        wire.flood(*GZIP)
        end(process)
        took = time.monotonic() - since
    kept, _ = frames_in(path)
    os.unlink(path)
    return kept / took


def print_gzip(wire, options):
    cases = {"xdptap, one CPU": (options.xdptap, "1"), "xdptap, two CPUs": (options.xdptap, "0,1")}
    if options.old:
        cases["the older xdptap, two CPUs"] = (options.old, "0,1")
    rates = {name: [] for name in cases}
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir="/dev/shm") as folder:
        for _ in range(min(options.rounds, 3)):
            for name, case in cases.items():
                rates[name].append(gzip_rate(wire, *case, folder) / 1e3)
    print("\n| --compress gzip | thousand frames a second |\n|---|---|")
    for name, rounds in rates.items():
        print(f"| {name} | {spread(rounds)} |", flush=True)


def print_profile(wire, options):
    """Samples of the clock: a virtual machine has no other."""
    with tempfile.TemporaryDirectory(prefix="xdptap-bench-", dir=options.folder) as folder:
        path, data = folder + "/out", folder + "/perf.data"
        with begin(wire, tools(options.xdptap)["xdptap"], path) as process:
            with subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-o", data, "-p",
                                   str(process.pid)], stderr=subprocess.DEVNULL) as perf:
                time.sleep(0.5)
                wire.flood(LOADS["64"][0], 3 * LOADS["64"][1], LOADS["64"][2])
                perf.send_signal(2)
            end(process)
        text = subprocess.run(["perf", "report", "-i", data, "--stdio", "-F", "overhead,comm,symbol", "-t", ";"],
                              capture_output=True, text=True, check=False).stdout
    rows = re.findall(r"^\s*([\d.]+)%\s*;(.*?)\s*;(\[.\] .*?)\s*$", text, re.MULTILINE)
    print("\n| share of xdptap's CPU, 64 B, ext4 | thread | function |\n|---|---|---|")
    for share, thread, symbol in rows[:SHOWN]:
        print(f"| {share} % | {thread} | `{symbol[4:]}`{' (kernel)' if symbol[1] == 'k' else ''} |")
    if not rows:
        print("| – | – | perf does not work here |")


SECTIONS = {"cost": print_cost, "stall": print_stalls, "cache": print_cache, "gzip": print_gzip, "profile": print_profile}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("xdptap", type=os.path.abspath)
    parser.add_argument("flood", type=os.path.abspath)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=os.path.abspath, default=os.getcwd())
    parser.add_argument("--old", type=os.path.abspath)
    options = parser.parse_intermixed_args()
    with Wire(options.flood) as wire:
        for section in options.sections:
            SECTIONS[section](wire, options)


main()
