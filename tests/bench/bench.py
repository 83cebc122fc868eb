# SPDX-License-Identifier: MIT
"""Shared by the benchmarks: a veth pair that one CPU floods while the tool under test runs on the other.

Namespaces and processes come from the end-to-end tests; importing this module puts theirs on the path.
"""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e", "lib"))
from harness import SLOWNESS, wait_until  # noqa: E402, because of the path
from net import Pair, Process  # noqa: E402


class Wire(Pair):
    """with Wire(FLOOD) as wire: cleaned up however the block ends, even by a time limit."""

    def __init__(self, flood):
        super().__init__()
        self.program = flood

    def __enter__(self):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        super().__enter__()
        # Frames sent from XDP only reach a peer that polls (NAPI); without an XDP program, only GRO makes it poll.
        self.near.run("ethtool", "-K", "near", "gro", "on")
        return self

    def flood(self, size, count, per_second=0):
        """Sends from far to near (per_second 0: as fast as possible) and returns the frames per second achieved."""
        return float(self.far.run("taskset", "-c", "0", self.program, "far", str(size), str(count),
                                  str(per_second)))

    def start(self, *command, **process):
        """Runs a tool in the near namespace."""
        return Process(["taskset", "-c", "1", *command], self.near, **process)


def cpu_ns(process):
    """CPU time of all its threads and of the children it has waited for."""
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


def is_idle(process):
    """Whether it uses less than one percent of a CPU."""
    seconds, before = 0.3 * SLOWNESS, cpu_ns(process)
    time.sleep(seconds)
    return cpu_ns(process) - before < seconds * 10**7


def cpu_for(process, traffic):
    """(CPU nanoseconds that traffic() costs the process, from idle to idle or exit; the result of traffic())"""
    def wait_idle():
        wait_until(lambda: process.has_ended() or is_idle(process), "an idle tool", 60 * SLOWNESS)

    wait_idle()
    before = cpu_ns(process)
    result = traffic()
    wait_idle()
    return cpu_ns(process) - before, result


def frames_in(path):
    """(number of frames, whether the file is broken)"""
    done = subprocess.run(["capinfos", "-T", "-m", "-r", "-M", "-c", path], capture_output=True, text=True)
    found = re.search(r",(\d+)$", done.stdout.strip())
    return int(found[1]) if found else 0, done.returncode != 0 or not found
