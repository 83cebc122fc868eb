#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names, log and counters that nobody reads, or that have no space, do not hold up a capture."""
import fcntl
import glob
import os
import stat
import subprocess
import sys
import termios

import harness
import net
from program import XDPTAP, Case, xdptap

FILES = 20


def waiting(pipe):
    """The number of bytes that can be read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


class Unread(Case):
    def begin(self, *options, **process):
        """Starts a capture with one packet per file."""
        capture = self.enterContext(net.Process(
            [XDPTAP, "-i", "near", "-w", self.path("cap.pcapng"), "-b", "packets:1", *options],
            self.pair.near, **process))
        self.wait_attached()
        return capture

    def send(self):
        """Sends frames, and waits for a file of each: the capture is not held up."""
        self.pair.send(FILES)
        harness.wait_until(lambda: len(self.files()) >= FILES - 1, "the files", harness.SOON)

    def files(self):
        return sorted(glob.glob(self.path("*.pcapng")))

    def finish(self, capture):
        capture.signal()
        self.assertEqual(capture.wait(harness.SOON), 0, capture.text())
        self.assertEqual(len(self.files()), FILES)

    def pipe(self):
        """(reader, writer) of a pipe that is full; the writer blocks."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        try:
            while os.write(writer, bytes(4096)):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        return reader, writer


class Names(Unread):
    """-b printname:"""

    def test_unread_pipe(self):
        reader, writer = self.pipe()
        capture = self.begin("-b", "printname:-", stdout=writer)
        os.close(writer)
        self.send()
        self.finish(capture)
        self.assertIn(f"printname: {FILES} file names were not delivered", capture.stderr().decode())
        with open(os.dup(reader), "rb") as file:
            self.assertEqual(file.read().strip(b"\0"), b"")

    def test_pipe_that_is_read_late(self):
        reader, writer = self.pipe()
        capture = self.begin("-b", "printname:-", stdout=writer)
        os.close(writer)
        self.send()
        text = b""
        while text.count(b"\n") < FILES - 1:
            text += os.read(reader, 65536).strip(b"\0")
        self.finish(capture)
        text += os.read(reader, 65536)
        self.assertEqual(text.decode().split("\n")[:-1], self.files())
        self.assertNotIn("printname", capture.stderr().decode())

    def test_stopped_terminal(self):
        """Ctrl-S, and Ctrl-Q."""
        terminal, end = os.openpty()
        self.addCleanup(os.close, terminal)
        os.write(terminal, b"\x13")
        process = self.enterContext(subprocess.Popen(
            ["ip", "netns", "exec", self.pair.near.name, XDPTAP, "-q", "-i", "near", "-w",
             self.path("cap.pcapng"), "-b", "packets:1", "-b", "printname:stderr"],
            stdin=subprocess.DEVNULL, stderr=end))
        self.addCleanup(process.kill)
        os.close(end)
        self.wait_attached()
        self.send()
        os.write(terminal, b"\x11")
        text = b""
        while text.count(b".pcapng\r\n") < FILES - 1:
            text += os.read(terminal, 65536)
        process.terminate()
        self.assertEqual(process.wait(harness.SOON), 0)
        self.assertEqual(len(self.files()), FILES)

    def test_fifo(self):
        """Names wait for a reader, which may come late or never."""
        for is_read in True, False:
            with self.subTest(is_read):
                fifo = self.path("fifo")
                os.mkfifo(fifo)
                capture = self.begin("-b", "printname:" + fifo)
                self.send()
                if is_read:
                    with open(fifo, encoding="ascii") as file:
                        self.finish(capture)
                        self.assertEqual(file.read().split("\n")[:-1], self.files())
                else:
                    self.finish(capture)
                told = "printname" in capture.stderr().decode()
                self.assertEqual(told, not is_read)
                for path in (fifo, *self.files()):
                    os.unlink(path)


class Log(Unread):
    def test_full_fifo(self):
        """Lines get lost, but none is torn."""
        fifo = self.path("log")
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        size = fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1)  # a page
        n = size // 20
        capture = self.begin("--log-file", fifo, "--log-level", "debug", "-b", "files:2")
        self.pair.send(n)  # each deletes a file and logs that
        harness.wait_until(lambda: f"_{n - 1:05}_" in "".join(self.files()), "the last file", harness.SOON)
        harness.wait_until(lambda: waiting(reader) > size / 2, "the lines", harness.SOON)  # the FIFO is full then
        text = os.read(reader, 65536)
        capture.signal()
        self.assertEqual(capture.wait(harness.SOON), 0, capture.text())
        for line in (text + os.read(reader, 65536)).decode().splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\S+Z \S")

    def test_nobody(self):
        """A FIFO without a reader is an error at the start."""
        os.mkfifo(self.path("log"))
        status, _, err = xdptap("-i", "near", "-w", self.path("x"), "--log-file", self.path("log"),
                                namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, self.path("log"))


class Counters(Unread):
    """--stats-file"""

    def test_full_disk(self):
        """A message appears, the last complete file stays, and the counters are written when there is space."""
        folder = self.small_disk("64k")
        stats = folder + "/near.prom"
        with open(stats, "w", encoding="ascii") as file:
            file.write("old\n")
        with open(folder + "/ballast", "wb", buffering=0) as ballast, self.assertRaises(OSError):
            while True:
                ballast.write(bytes(4096))
        capture = self.begin("--stats-file", stats)
        harness.wait_until(lambda: b"cannot write the counters" in capture.stderr(), "a message")
        self.send()
        with open(stats, encoding="ascii") as file:
            self.assertEqual(file.read(), "old\n")
        self.assertEqual(sorted(os.listdir(folder)), ["ballast", "near.prom"])
        os.unlink(folder + "/ballast")
        self.finish(capture)
        with open(stats, encoding="ascii") as file:
            self.assertIn(f'xdptap_frames_written_total{{interface="near"}} {FILES}\n', file.read())

    def test_only_files(self):
        """The file is replaced, so a device or a FIFO is refused."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        for path in fifo, self.folder, self.device():
            status, _, err = xdptap("-i", "near", "-w", self.path("x"), "--stats-file", path,
                                    namespace=self.pair.near)
            self.assertEqual(status, 2)
            self.assert_sentence(err, "--stats-file", path)
            self.assertFalse(stat.S_ISREG(os.stat(path).st_mode))

    def device(self):
        """Creates /dev/null under another name."""
        path = self.path("null")
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        return path


if __name__ == "__main__":
    harness.main()
