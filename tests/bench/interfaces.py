#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long "xdptap -i any" takes to start with hundreds of interfaces, and until it captures all of them.

usage: interfaces.py XDPTAP [INTERFACES]
"""
import os
import subprocess
import sys
import tempfile
import time

import bench  # noqa: F401, for the path
from net import Namespace, Process

XDPTAP = os.path.abspath(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 500


def add_interfaces(namespace):
    lines = "".join(f"link add many{n} up type veth peer name peer{n}\nlink set peer{n} up\n"
                    for n in range(COUNT // 2))
    subprocess.run(["ip", "-n", namespace.name, "-batch", "-"], input=lines, text=True, check=True)


def wait_for(path, words, count):
    while True:
        with open(path, encoding="utf-8") as file:
            if file.read().count(words) >= count:
                return
        time.sleep(0.01)


def main():
    with Namespace() as namespace, tempfile.TemporaryDirectory() as folder:
        add_interfaces(namespace)
        log = os.path.join(folder, "log")
        begin = time.perf_counter()
        with Process([XDPTAP, "-i", "any", "-w", os.path.join(folder, "out.pcapng"), "--log-file", log,
                      "--log-level", "info"], namespace) as capture:
            capture.wait_for("Capturing on 'any'")
            print(f"{COUNT} interfaces: capturing after {time.perf_counter() - begin:.2f} s", flush=True)
            wait_for(log, ": received frames at ", COUNT + 1)
            print(f"all of them captured after {time.perf_counter() - begin:.2f} s", flush=True)
            print(f"{len(os.listdir(f'/proc/{capture.pid}/fd'))} descriptors", flush=True)
            begin = time.perf_counter()
            capture.signal()
            capture.wait(300)
            print(f"ended after {time.perf_counter() - begin:.2f} s", flush=True)


main()
