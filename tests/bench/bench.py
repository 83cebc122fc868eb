# SPDX-License-Identifier: MIT
"""What the benchmarks share: a wire that one CPU floods while what is measured has the other.

Namespaces and processes are those of the end-to-end tests; whoever imports this finds their modules too.
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
    """with Wire(FLOOD) as wire: gone however that ends, by a time limit too."""

    def __init__(self, flood):
        super().__init__()
        self.program = flood

    def __enter__(self):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        super().__enter__()
        # What comes from XDP gets through to an end that polls, and without an XDP program only GRO makes it poll.
        self.near.run("ethtool", "-K", "near", "gro", "on")
        return self

    def flood(self, size, count, per_second=0):
        """From far to near, 0: as fast as can be. The frames per second that it came to."""
        return float(self.far.run("taskset", "-c", "0", self.program, "far", str(size), str(count),
                                  str(per_second)))

    def start(self, *command, **process):
        """A tool at near."""
        return Process(["taskset", "-c", "1", *command], self.near, **process)


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


def is_idle(process):
    """Below one percent of a CPU."""
    seconds, before = 0.3 * SLOWNESS, cpu_ns(process)
    time.sleep(seconds)
    return cpu_ns(process) - before < seconds * 10**7


def cpu_for(process, traffic):
    """(nanoseconds that traffic() costs it, from idle to idle or to its end; what traffic() returns)"""
    def wait_idle():
        wait_until(lambda: process.has_ended() or is_idle(process), "an idle tool", 60 * SLOWNESS)

    wait_idle()
    before = cpu_ns(process)
    result = traffic()
    wait_idle()
    return cpu_ns(process) - before, result


def frames_in(path):
    """(frames, is it broken)"""
    done = subprocess.run(["capinfos", "-T", "-m", "-r", "-M", "-c", path], capture_output=True, text=True)
    found = re.search(r",(\d+)$", done.stdout.strip())
    return int(found[1]) if found else 0, done.returncode != 0 or not found
