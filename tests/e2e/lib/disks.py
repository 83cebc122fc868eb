# SPDX-License-Identifier: MIT
"""A real file system that misbehaves on demand, and what a program does to the memory of the machine."""
import fcntl
import glob
import os
import re
import subprocess
import unittest

import net
from harness import wait_until

GOING_DOWN = 0x8004587D  # _IOR('X', 125, __u32) [include/uapi/linux/fs.h, EXT4_IOC_SHUTDOWN]
CGROUPS = "/sys/fs/cgroup"


def succeeds(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Context:
    """Ends with the test, and also when the tests are interrupted: the kernel must not keep it."""

    def __enter__(self):
        net.open_contexts.append(self)
        return self

    def __exit__(self, *_):
        if self in net.open_contexts:
            net.open_contexts.remove(self)
            self.end()


class Frozen(Context):
    """with Frozen(disk): every write to it waits, as if the disk did not answer."""

    def __init__(self, disk):
        self.disk = disk

    def __enter__(self):
        subprocess.run(["fsfreeze", "-f", self.disk.folder], check=True)
        return super().__enter__()

    def end(self):
        subprocess.run(["fsfreeze", "-u", self.disk.folder], check=True)


class Disk(Context):
    """ext4 on a loop device."""

    def __init__(self, image, folder, size=256 << 20, features=()):
        self.image, self.folder = image, folder
        with open(image, "wb") as file:
            file.truncate(size)
        if not succeeds("mkfs.ext4", "-q", *features, image):
            raise unittest.SkipTest("this machine has no mkfs.ext4")

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        if not succeeds("mount", "-o", "loop,errors=remount-ro", self.image, self.folder):
            raise unittest.SkipTest("this machine has no ext4 or no loop devices")
        return super().__enter__()

    def end(self):
        subprocess.run(["umount", "-l", self.folder], check=True)

    def shut_down(self):
        """As if somebody pulled the plug: nothing can be read or written."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, GOING_DOWN, (2).to_bytes(4, "little"))  # without a last write of the journal
        finally:
            os.close(fd)

    def remove(self):
        """Nobody finds it any more; those who have it open do not notice."""
        self.__exit__()
        os.rmdir(self.folder)

    @property
    def device(self):
        with open("/proc/mounts", encoding="utf-8") as file:
            return next(line.split()[0] for line in file if line.split()[1] == self.folder)

    def break_down(self):
        """The kernel finds it broken, and makes it read-only."""
        with open(f"/sys/fs/ext4/{os.path.basename(self.device)}/trigger_fs_error", "w", encoding="ascii") as file:
            file.write("a test of xdptap")

    def files(self, pattern="*"):
        return sorted(glob.glob(os.path.join(self.folder, pattern)))


def remove_group(folder):
    """Removes a control group and those below it. They are busy for a moment after their last process."""
    def is_gone():
        for group in sorted(glob.glob(folder + "/**/", recursive=True), reverse=True):
            try:
                os.rmdir(group)
            except OSError:
                return False
        return True
    wait_until(is_gone, f"the end of {folder}")


class ControlGroup(Context):
    """A control group of either version; the controller's files are written with set()."""

    def __init__(self, name, v1, v2):
        root = os.path.join(CGROUPS, v1)
        self.is_v1 = os.path.exists(root)
        if not self.is_v1:
            root = CGROUPS
            self.allow(root, v2)
        self.folder = os.path.join(root, f"{name}-{os.getpid()}")

    def allow(self, root, controller):
        try:
            with open(root + "/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write("+" + controller)
        except OSError:
            raise unittest.SkipTest(f"this machine has no {controller} control groups") from None

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        return super().__enter__()

    def end(self):
        remove_group(self.folder)

    def set(self, name, value):
        try:
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(value)
        except OSError:
            raise unittest.SkipTest(f"this machine has no {name} in its control groups") from None

    def join(self):
        """For preexec_fn."""
        self.set("cgroup.procs", str(os.getpid()))


class SlowGroup(ControlGroup):
    """Whoever joins it writes no faster to the disk, unless through the page cache."""

    def __init__(self, disk, bytes_per_second):
        super().__init__("xdptap-slow", "blkio", "io")
        number = os.stat(disk.device).st_rdev
        self.device, self.rate = f"{os.major(number)}:{os.minor(number)}", bytes_per_second

    def __enter__(self):
        super().__enter__()
        if self.is_v1:
            self.set("blkio.throttle.write_bps_device", f"{self.device} {self.rate}")
        else:
            self.set("io.max", f"{self.device} wbps={self.rate}")
        return self


class SmallGroup(ControlGroup):
    """Whoever joins it has so much memory."""

    def __init__(self, size):
        super().__init__("xdptap-small", "memory", "memory")
        self.size = size

    def __enter__(self):
        super().__enter__()
        self.set("memory.limit_in_bytes" if self.is_v1 else "memory.max", str(self.size))
        return self


def resident(pid):
    """Bytes of its memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) << 10


def cached(*paths):
    """Bytes of files in the page cache."""
    out = subprocess.check_output(["fincore", "-nb", "-o", "RES", *paths], text=True)
    return sum(map(int, out.split()))
