# SPDX-License-Identifier: MIT
"""A systemd in a container of its own: its units are real ones, and this machine's stay as they are."""
import os
import shutil
import subprocess
import sys
import unittest

from disks import Context, remove_group
from harness import wait_until
from net import Process
from owners import cgroup_root

# It sees its own control group alone; the network namespaces have their names there, too.
START = """
set -e
echo 0 >"$1/cgroup.procs"
exec unshare --pid --mount --uts --cgroup --fork --kill-child --mount-proc sh -c '
set -e
mkdir "$1/netns"
mount --rbind /run/netns "$1/netns"
mount -t tmpfs none /run
mkdir /run/netns
mount --rbind "$1/netns" /run/netns
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
export container=other SYSTEMD_UNIT_PATH="$1" SYSTEMD_LOG_TARGET=console
exec /lib/systemd/systemd --system' - "$2"
"""

UNIT = """
[Unit]
DefaultDependencies=no
[Service]
NetworkNamespacePath=/run/netns/{namespace}
ExecStart={python} {script}
"""


class Systemd(Context):
    """Services that run Python scripts in a network namespace that there was at its start."""

    def __init__(self, folder):
        if not os.path.exists("/lib/systemd/systemd"):
            raise unittest.SkipTest("this machine has no systemd")
        self.folder, self.group = folder, f"{cgroup_root()}/xdptap-units-{os.getpid()}"

    def __enter__(self):
        os.mkdir(self.folder)
        os.mkdir(self.group)
        super().__enter__()
        with open(self.folder + "/default.target", "w", encoding="ascii") as file:
            file.write("[Unit]\n")
        self.process = Process(["sh", "-c", START, "-", self.group, self.folder])
        try:
            wait_until(lambda: self.is_running() or self.process.has_ended(), "systemd")
            self.assert_running()
        except BaseException:
            self.__exit__()
            raise
        return self

    def is_running(self):
        return self.control("is-system-running").stdout in (b"running\n", b"degraded\n")

    def assert_running(self):
        if self.process.has_ended():
            raise AssertionError(f"systemd ended: {self.process.text()}")

    def end(self):
        self.process.__exit__()
        remove_group(self.group)
        shutil.rmtree(self.folder)

    def pids_of(self, group):
        """Those that this machine knows the processes by."""
        try:
            with open(f"{self.group}/{group}/cgroup.procs", encoding="ascii") as file:
                return [int(line) for line in file]
        except OSError:
            return []

    def control(self, *words):
        manager = self.pids_of("init.scope") or [self.process.pid]
        return subprocess.run(["nsenter", "-t", str(manager[0]), "-m", "-p", "systemctl", *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def start(self, name, namespace, script):
        """Starts a service; returns its process ID."""
        path = f"{self.folder}/{name}.py"
        with open(path, "w", encoding="ascii") as file:
            file.write(script)
        with open(f"{self.folder}/{name}.service", "w", encoding="ascii") as file:
            file.write(UNIT.format(namespace=namespace.name, python=sys.executable, script=path))
        started = self.control("start", name)
        if started.returncode:
            raise AssertionError(f"not started: {started.stdout.decode()}")
        pid, = self.pids(name)
        return pid

    def pids(self, name):
        return self.pids_of(f"system.slice/{name}.service")
