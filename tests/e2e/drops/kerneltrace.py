# SPDX-License-Identifier: MIT
"""What the kernel's own tracing prints of dropped packets: the source of perf trace."""
import os
import re
import subprocess
import tempfile
from collections import namedtuple

Event = namedtuple("Event", "reason function")


class DropTrace:
    """with DropTrace(pids) as trace: events while one of these threads has the CPU; others drop packets, too."""

    def __init__(self, pids):
        self.pids = pids
        self.folder = self.instance = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="xdptap-tracefs-")
        subprocess.run(["mount", "-t", "tracefs", "none", self.folder], check=True)
        self.instance = f"{self.folder}/instances/xdptap-test-{os.getpid()}"
        os.mkdir(self.instance)
        self.write("set_event_pid", " ".join(map(str, self.pids)))
        self.write("events/skb/kfree_skb/enable", "1")
        return self

    def __exit__(self, *_):
        if self.instance and os.path.exists(self.instance):
            self.write("events/skb/kfree_skb/enable", "0")
            os.rmdir(self.instance)
        subprocess.run(["umount", self.folder], check=True)
        os.rmdir(self.folder)

    def write(self, name, value):
        with open(os.path.join(self.instance, name), "w", encoding="ascii") as file:
            file.write(value)

    def events(self):
        """Kernels before 6.6 do not print the function: None."""
        with open(os.path.join(self.instance, "trace"), encoding="utf-8", errors="replace") as file:
            text = file.read()
        return [Event(reason, None if re.fullmatch("[0-9a-fx]+", place) else place.split("+")[0])
                for place, reason in re.findall(r"kfree_skb:.* location=(\S+).* reason: (\S+)", text)]


def is_available():
    with open("/proc/filesystems", encoding="ascii") as file:
        return "\ttracefs\n" in file.read()
