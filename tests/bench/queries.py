#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long Wireshark waits at its start for the list of interfaces, with 300 of them; beside what dumpcap takes
for its own list.

usage: queries.py XDPTAP [ROUNDS]
"""
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time

XDPTAP = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
CLONE_NEWNET = 0x40000000
NAME = f"xdptap-bench-{os.getpid()}"
QUESTIONS = {
    "xdptap --extcap-interfaces": [XDPTAP, "--extcap-interfaces", "--extcap-version=4.0"],
    "xdptap --extcap-config": [XDPTAP, "--extcap-config", "--extcap-interface", "xdptap-many7"],
    "xdptap --extcap-capture-filter": [XDPTAP, "--extcap-capture-filter", "tcp port 443", "--extcap-interface",
                                       "xdptap-many7"],
    "dumpcap -D": ["dumpcap", "-D"],
}


def ask(command):
    """Milliseconds; the namespace was entered before."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def main():
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    try:
        with tempfile.NamedTemporaryFile("w") as batch:
            batch.writelines(f"link add many{n} type bridge\n" for n in range(300))
            batch.flush()
            subprocess.run(["ip", "-n", NAME, "-batch", batch.name], check=True)
        with open(f"/run/netns/{NAME}", encoding="ascii") as file:
            if ctypes.CDLL(None).setns(file.fileno(), CLONE_NEWNET):
                sys.exit("cannot enter the namespace")
        nothing = statistics.median(ask(["true"]) for _ in range(ROUNDS))
        for name, command in QUESTIONS.items():
            took = statistics.median(ask(command) for _ in range(ROUNDS))
            print(f"{name}: {took - nothing:.1f} ms beside the start of a process", flush=True)
    finally:
        subprocess.run(["ip", "netns", "del", NAME], check=True)


main()
