# SPDX-License-Identifier: MIT
"""The program under test: standalone, as an extcap, and under tshark."""
import fcntl
import glob
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

import net
from captures import Capture, count_packets, whole_blocks
from harness import DEADLINE, SOON, wait_until
from net import Pair, Process

XDPTAP = os.environ.get("XDPTAP", "")
NOBODY = 65534


def xdptap(*arguments, namespace=None, **process):
    """Runs it to the end: (status, stdout, stderr)."""
    with Process([XDPTAP, *arguments], namespace, **process) as p:
        return p.wait(), p.stdout(), p.stderr()


class Case(unittest.TestCase):
    """A test with a pair of namespaces and a folder of its own."""
    mtu = 1500

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))
        os.chmod(self.folder, 0o755)
        self.pair = self.enterContext(Pair(self.mtu))

    def path(self, name):
        return os.path.join(self.folder, name)

    def small_disk(self, size, name="disk"):
        """Returns a folder on a small disk."""
        folder = self.path(name)
        os.mkdir(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        return folder

    def in_part(self):
        """Counts the packets in the rotated file that is being written."""
        return sum(count_packets(path) for path in glob.glob(self.path("*.part")))

    def start(self, *options, interface="near", file="out.pcapng", **process):
        """Starts a standalone capture and waits until it is attached."""
        capture = self.enterContext(Standalone(
            self.pair.near, self.path(file), "-i", interface, *options, **process))
        capture.wait_for(f"Capturing on '{interface}'")
        return capture

    def extcap(self, *options, **process):
        """Starts a capture as Wireshark does; nobody reads its FIFO yet."""
        return self.enterContext(Extcap(
            self.pair.near, self.path("fifo"), *options, **process))

    def wait_attached(self, interface="near"):
        wait_until(lambda: self.pair.near.xdp(interface), f"an XDP program on {interface}")

    def assert_free(self, interface="near"):
        """Waits until no trace of a capture is left on the interface."""
        def is_free():
            link = self.pair.near.link(interface)
            return "xdp" not in link and link["promiscuity"] == 0
        wait_until(is_free, f"{interface} without XDP program and promiscuous mode", SOON)

    def assert_unloaded(self, objects):
        self.assertTrue(objects["prog"] and objects["map"])
        wait_until(lambda: not net.are_loaded(objects), "the kernel to free what was ours", SOON)

    def assert_gone(self, pid):
        def is_gone():
            stat = net.stat(pid)
            return not stat or stat.state in "ZX"
        wait_until(is_gone, f"the end of process {pid}", SOON)

    def assert_sentence(self, text, *words):
        """One line of at most 300 bytes, with these words in it."""
        line = text.decode("utf-8")
        self.assertTrue(line.endswith("\n") and line.count("\n") == 1, line[:500])
        self.assertLessEqual(len(text), 300, line[:500])
        for word in words:
            self.assertIn(word, line)

    def assert_last_sentence(self, text, *words):
        """The same for the last line of a text."""
        self.assert_sentence(text.splitlines(keepends=True)[-1], *words)

    def everybodys(self):
        """Returns a copy of the program that every user can execute."""
        return shutil.copy(XDPTAP, self.path("xdptap"))


class Standalone(Process):
    def __init__(self, namespace, file, *options, **process):
        self.file = file
        super().__init__([XDPTAP, "-w", file, *options], namespace, **process)

    def wait_packets(self, count):
        wait_until(lambda: count_packets(self.file) >= count, f"{count} packets in {self.file}")

    def finish(self, number=signal.SIGINT):
        """Stops it, checks for success, and returns the capture."""
        self.signal(number)
        status = self.wait()
        if status != 0:
            raise AssertionError(f"status {status}: {self.text()}")
        return Capture(self.file)


class Extcap(Process):
    def __init__(self, namespace, fifo, *options, interface="near", program=XDPTAP, **process):
        self.fifo, self.reader, self.received = fifo, None, bytearray()
        if not os.path.exists(fifo):
            os.mkfifo(fifo, 0o600)
        super().__init__([program, "--capture", "--extcap-interface", f"xdptap-{interface}",
                          "--fifo", fifo, *options], namespace, **process)

    def __exit__(self, *error):
        self.close()
        super().__exit__(*error)

    def close(self):
        """Closes the FIFO, as dumpcap does when it has enough packets."""
        if self.reader is not None:
            os.close(self.reader)
            self.reader = None

    def open(self):
        """Opens the FIFO as dumpcap does, without waiting for the writer; returns when the header blocks are there."""
        self.connect()
        self.wait_blocks(2)

    def connect(self, size=None):
        self.reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        if size:
            fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, size)

    def read(self, timeout=0.0):
        """Reads what is available or arrives before the timeout; b"" also at the end of the stream."""
        if not select.select([self.reader], [], [], timeout)[0]:
            return b""
        try:
            data = os.read(self.reader, 1 << 20)
        except BlockingIOError:
            return b""
        self.received += data
        return data

    def unread(self):
        """Bytes in the FIFO."""
        return struct.unpack("i", fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4)))[0]

    def wait_written(self, size):
        wait_until(lambda: self.unread() >= size, f"{size} bytes in the FIFO")

    @property
    def stream(self):
        return bytes(self.received)

    def wait_blocks(self, count):
        wait_until(lambda: self.read() and False or
                   len(whole_blocks(self.received)[0]) >= count or self.has_ended(),
                   f"{count} blocks in the FIFO")
        if len(whole_blocks(self.received)[0]) < count:
            raise AssertionError(f"ended early: {self.text()}")

    def read_rest(self, deadline=DEADLINE):
        """Reads until the program exits and its stream ends; returns the exit status."""
        end = time.monotonic() + deadline
        while not self.has_ended() and time.monotonic() < end:
            self.read(0.01)
        while self.read():
            pass
        return self.wait(0.1)

    def finish(self, number=signal.SIGTERM, deadline=DEADLINE):
        """Stops it, checks for a silent success, and returns the capture."""
        self.signal(number)
        status = self.read_rest(deadline)
        if status != 0 or self.stdout() or self.stderr():
            raise AssertionError(f"status {status}: {self.text()}")
        return Capture(self.stream)


class Wireshark:
    """A home directory in which xdptap is an extcap of tshark."""

    def __init__(self, folder, program=XDPTAP):
        self.program = program
        self.home = os.path.join(folder, "home")
        self.temporary = os.path.join(folder, "tmp")
        os.makedirs(self.temporary)
        os.chmod(self.temporary, 0o1777)
        for place in (".config/wireshark/extcap", ".local/lib/wireshark/extcap"):
            os.makedirs(os.path.join(self.home, place))
            os.symlink(program, os.path.join(self.home, place, "xdptap"))
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("WIRESHARK_", "XDG_"))}
        self.env.update(HOME=self.home, TMPDIR=self.temporary, LC_ALL="C.UTF-8")

    def give_to(self, user):
        for folder, folders, files in os.walk(self.home):
            for name in [folder, *(os.path.join(folder, n) for n in folders + files)]:
                os.chown(name, user, user, follow_symlinks=False)

    def tshark(self, *arguments, namespace=None, **process):
        return Process(["tshark", *arguments], namespace, env=self.env, **process)

    def run(self, *arguments, namespace=None, **process):
        """(status, stdout, stderr)"""
        with self.tshark(*arguments, namespace=namespace, **process) as p:
            return p.wait(2 * DEADLINE), p.stdout(), p.stderr()
