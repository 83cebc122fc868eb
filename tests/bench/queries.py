#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long Wireshark waits at startup for the list of 300 interfaces, compared with dumpcap's own list.

usage: queries.py XDPTAP [ROUNDS]
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bench  # noqa: F401, for the path
from net import Namespace

XDPTAP = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
QUESTIONS = {
    "xdptap --extcap-interfaces": [XDPTAP, "--extcap-interfaces", "--extcap-version=4.0"],
    "xdptap --extcap-config": [XDPTAP, "--extcap-config", "--extcap-interface", "xdptap-many7"],
    "xdptap --extcap-capture-filter": [XDPTAP, "--extcap-capture-filter", "tcp port 443", "--extcap-interface",
                                       "xdptap-many7"],
    "dumpcap -D": ["dumpcap", "-D"],
}


def ask(command):
    """Milliseconds that a command takes."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def print_all():
    nothing = statistics.median(ask(["true"]) for _ in range(ROUNDS))
    for name, command in QUESTIONS.items():
        took = statistics.median(ask(command) for _ in range(ROUNDS))
        print(f"{name}: {took - nothing:.1f} ms beside the start of a process", flush=True)


def main():
    with Namespace() as namespace, tempfile.NamedTemporaryFile("w") as batch:
        batch.writelines(f"link add many{n} type bridge\n" for n in range(300))
        batch.flush()
        namespace.ip("-batch", batch.name)
        namespace.inside(print_all)  # a thread's children are in its namespace


main()
