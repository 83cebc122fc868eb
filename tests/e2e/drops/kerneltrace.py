# SPDX-License-Identifier: MIT
"""Other programs that show dropped packets: perf trace, dropwatch, and the kernel's tracing files."""
import os
import re
import shutil
import subprocess
import tempfile
from collections import namedtuple

from devices import MODPROBE
from harness import OWN_MACHINE
from net import Process

Event = namedtuple("Event", "reason function")

PRINTED = re.compile(r"kfree_skb.*location=(\S+).* reason: (\w+)")  # the tracepoint's format
PACKET = re.compile(r"drop at: (\S+) [^\0]*?origin: software[^\0]*?drop reason: (\w+)")


def find_events(pattern, text):
    """Kernels before 6.6 print an address and not the function: None."""
    return [Event(reason, None if re.fullmatch("[0-9a-fx]+", place) else place.split("+")[0])
            for place, reason in pattern.findall(text)]


class DropTrace:
    """with DropTrace(thread) as trace: events while this thread has the CPU; others drop packets, too."""

    def __init__(self, thread):
        self.thread = thread
        self.folder = self.instance = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="xdptap-tracefs-")
        subprocess.run(["mount", "-t", "tracefs", "none", self.folder], check=True)
        self.instance = f"{self.folder}/instances/xdptap-test-{os.getpid()}"
        os.mkdir(self.instance)
        self.write("set_event_pid", str(self.thread))
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
        with open(os.path.join(self.instance, "trace"), encoding="utf-8", errors="replace") as file:
            return find_events(PRINTED, file.read())

    def stop(self):
        """Returns the last of the events."""
        self.write("events/skb/kfree_skb/enable", "0")
        return self.events()


class PerfTrace(Process):
    """The same by perf trace, which looks for tracefs in its usual place."""

    def __init__(self, thread):
        script = 'mount -t tracefs none /sys/kernel/tracing; exec "$@"'
        super().__init__(["unshare", "--mount", "sh", "-c", script, "sh", "perf", "trace", "--libtraceevent_print",
                          "-e", "skb:kfree_skb", "-t", str(thread)])

    def events(self):
        if self.has_ended():
            raise AssertionError(self.text())
        return find_events(PRINTED, self.stderr().decode())

    def stop(self):
        self.signal()
        self.wait()
        return find_events(PRINTED, self.stderr().decode())


class DropWatch(Process):
    """dropwatch, which shows the drops of all namespaces and CPUs."""

    def __init__(self, _):
        super().__init__(["dropwatch", "-l", "kas"], stdin=subprocess.PIPE)
        self.say("set alertmode packet", "start")

    def say(self, *lines):
        self.popen.stdin.write("".join(line + "\n" for line in lines).encode())
        self.popen.stdin.flush()

    def events(self):
        if self.has_ended():
            raise AssertionError(self.text())
        return find_events(PACKET, self.stdout().decode())

    def stop(self):
        self.signal()
        self.say("stop", "exit")
        self.popen.stdin.close()
        self.wait()
        return find_events(PACKET, self.stdout().decode())


def has_tracefs():
    with open("/proc/filesystems", encoding="ascii") as file:
        return "\ttracefs\n" in file.read()


def has_drop_monitor():
    """Whether the kernel has what dropwatch asks: CONFIG_NET_DROP_MONITOR."""
    if OWN_MACHINE:
        subprocess.run([MODPROBE, "drop_monitor"], stderr=subprocess.DEVNULL, check=False)
    with open("/proc/kallsyms", encoding="ascii") as file:
        return "net_dm_" in file.read()


def has(program):
    return shutil.which(program) is not None
