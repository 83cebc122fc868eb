#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Outputs that fail: the rest is readable, and the counters match it exactly."""
import errno
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess

import harness
import net
from captures import Capture, whole_blocks
from program import XDPTAP, Case

FILTER = ("-f", "less 600")
EPB = 6


def count(path):
    """Counts the packets that tshark reads from a file; fails if the file is cut short."""
    out = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.number"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if out.returncode or "cut short" in out.stderr:
        raise AssertionError(f"{path}: {out.stderr}")
    return len(out.stdout.split())


class Failing(Case):
    """Every frame that the tap sees is filtered out, in the output, or counted as lost."""

    def begin(self, *options, command=(), **process):
        capture = self.enterContext(net.Process(
            [*command, XDPTAP, "-i", "near", "-B", "16", "--stats-file", self.path("stats"), *FILTER,
             *options], self.pair.near, **process))
        capture.wait_for("Capturing on 'near'")
        return capture

    def send(self, frames=20000):
        """Half of them pass the filter."""
        with self.pair.sender() as sender:
            for number in range(frames):
                sender.send(net.frame(500 if number % 2 else 700, number))

    def books(self, interface="near"):
        with open(self.path("stats"), encoding="utf-8") as file:
            lines = re.findall(r'^xdptap_frames_(\w+)_total\{interface="' + interface +
                               r'"(?:,cause="(\w+)")?\} (\d+)$', file.read(), re.MULTILINE)
        return {cause or name: int(value) for name, cause, value in lines}

    def check(self, capture, *paths, status=1):
        self.assertEqual(capture.wait(), status, capture.text())
        self.check_books(capture, sum(count(path) for path in paths))
        self.assert_free()

    def check_books(self, capture, written):
        books = self.books()
        self.assertEqual(books["written"], written, capture.text())
        self.assertEqual(books["accepted"], written + books["ring"] + books["copy"] + books["queue"] + books["output"])
        self.assertGreaterEqual(books["seen"], books["accepted"])
        text = capture.stderr().decode()
        self.assertIn(f"Packets captured: {written}\n", text)
        self.assertIn(f"'near': {written}/{books['accepted'] - written} ", text)
        return books


class FullDisk(Failing):
    def setUp(self):
        super().setUp()
        self.disk = self.small_disk("300k")

    def fill(self, *options, name="out", **process):
        file = os.path.join(self.disk, name)
        capture = self.begin("-w", file, *options, **process)
        self.send()
        self.assertEqual(capture.wait(), 1, capture.text())
        self.assert_last_sentence(capture.stderr(), "disk is full")
        return capture, file

    def test_pcapng(self):
        capture, file = self.fill()
        self.check(capture, file)
        self.assertGreater(os.path.getsize(file), 290000)

    def test_pcap(self):
        capture, file = self.fill("--format", "pcap")
        self.check(capture, file)
        self.assertGreater(os.path.getsize(file), 290000)

    def test_gzip(self):
        """Frames that cannot be compressed, in members of 2 MiB; the name says what the file is."""
        subprocess.run(["mount", "-o", "remount,size=4m", self.disk], check=True)
        file = self.disk + "/out"
        capture = self.begin("-w", file, "--compress", "gzip")
        with self.pair.sender() as sender:
            for number in range(20000):
                sender.send(net.frame(100, number) + os.urandom(400))
        capture.signal()
        self.assertEqual(capture.wait(), 1, capture.text())
        self.assert_last_sentence(capture.stderr(), "disk is full")
        self.assertFalse(os.path.exists(file))
        self.check(capture, file + ".gz")
        self.assertGreater(self.books()["written"], 0)

    def test_files(self):
        capture, file = self.fill("-b", "filesize:100")
        self.check(capture, *glob.glob(file + "_*"))
        self.assertEqual(glob.glob(file + "*.part"), [])

    def test_standard_output(self):
        """Standard output redirected to a file."""
        for form in (), ("--format", "pcap"):
            with self.subTest(form), open(self.disk + "/out", "wb") as file:
                capture = self.begin("-w", "-", *form, stdout=file)
                self.send()
                self.check(capture, self.disk + "/out")

    def test_two_interfaces(self):
        """Each interface has its own count."""
        self.pair.add("near2", "far2")
        file = self.disk + "/out"
        capture = self.begin("-w", file, "-i", "near2")
        with self.pair.sender("far") as one, self.pair.sender("far2") as two:
            for number in range(3000):
                one.send(net.frame(500, number))
                if number % 3 == 0:
                    two.send(net.frame(400, number))
        self.assertEqual(capture.wait(), 1)
        written = [self.books(name)["written"] for name in ("near", "near2")]
        interfaces = [packet["interface"] for packet in Capture(file).named("EPB")]
        self.assertEqual(written, [interfaces.count(0), interfaces.count(1)])
        self.assertGreater(min(written), 0)

    def fill_up(self):
        with open(self.disk + "/ballast", "wb", buffering=0) as ballast, self.assertRaises(OSError):
            while True:
                ballast.write(bytes(4096))

    def test_full_from_the_start(self):
        """Of other people's files."""
        self.fill_up()
        prune = ("-b", "filesize:100", "--disk-full", "prune")
        for options in (), ("--format", "pcap"), ("-b", "filesize:100"), ("--compress", "gzip"), prune:
            with self.subTest(options), net.Process(
                    [XDPTAP, "-i", "near", "-w", self.disk + "/out", *options], self.pair.near) as process:
                harness.wait_until(process.has_ended, "the end")
                self.assertEqual(process.wait(), 1)
                self.assert_last_sentence(process.stderr(), "disk is full")
                self.assertEqual(b"this capture may delete" in process.stderr(), options == prune)
        self.assert_free()

    def test_full_of_what_a_crash_left(self):
        """That is the oldest file to prune."""
        options = "-b", "duration:1h", "--disk-full", "prune"
        capture = self.begin("-w", self.disk + "/out", *options)
        with self.pair.sender() as sender:
            harness.wait_until(lambda: sender.send(net.frame(500)) and
                               sum(map(os.path.getsize, glob.glob(self.disk + "/*.part"))) > 150000, "a large file")
        capture.signal(signal.SIGKILL)
        capture.wait()
        self.fill_up()
        part, = glob.glob(self.disk + "/*.part")
        capture = self.begin("-w", self.disk + "/out", *options)
        self.assertFalse(os.path.exists(part))
        self.send(200)
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        self.check(capture, *glob.glob(self.disk + "/out*"), status=0)
        self.assertEqual(self.books()["written"], 100)


class OtherErrors(Failing):
    """EFBIG from a limit; EIO of a broken disk and EDQUOT of a quota, injected by strace."""

    def test_size_limit(self):
        """SIGXFSZ does not kill the capture; the file is truncated after its last complete block."""
        for form in (), ("--format", "pcap"), ("-b", "duration:1h", "--disk-full", "prune"):
            with self.subTest(form):
                file = self.path("limited" + form[0] if form else "limited")
                capture = self.begin("-w", file, *form, command=["prlimit", "--fsize=100001"])
                self.send()
                capture.wait()  # until the file has its final name
                path, = glob.glob(glob.escape(file) + ("_*" if "-b" in form else ""))
                self.check(capture, path)
                self.assert_last_sentence(capture.stderr(), os.strerror(errno.EFBIG))
                self.assertGreater(os.path.getsize(path), 98000)

    def test_injected(self):
        if not shutil.which("strace"):
            self.skipTest("needs strace")
        with open(XDPTAP, "rb") as file:
            if b"__asan_" in file.read():
                self.skipTest("this build has sanitizers")
        for error, words in (("EIO", os.strerror(errno.EIO)), ("EDQUOT", "disk is full")):
            for form in (), ("--format", "pcap"), ("-b", "packets:1000"):
                with self.subTest(error + str(form)):
                    folder = self.path(error + str(len(form)) + "".join(form[:1]))
                    os.mkdir(folder)
                    capture = self.begin("-w", folder + "/out", *form, command=[
                        "strace", "-f", "-qq", "-o", "/dev/null",
                        "-e", f"inject=writev:error={error}:when=20+"])
                    with self.pair.sender() as sender:
                        harness.wait_until(lambda: sender.send(net.frame(500)) and capture.has_ended(),
                                           "the end of a capture whose disk fails")
                    self.check(capture, *glob.glob(folder + "/*"))
                    self.assert_last_sentence(capture.stderr(), words)


class Pipe(Failing):
    """The reader exits or stops reading: what it received counts as written."""

    def setUp(self):
        super().setUp()
        self.reader, writer = os.pipe()
        self.addCleanup(lambda: self.reader is not None and os.close(self.reader))
        os.set_blocking(self.reader, False)
        fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, 65536)
        self.capture = self.begin("-w", "-", stdout=writer)
        os.close(writer)

    def drain(self):
        data = bytearray()
        try:
            while piece := os.read(self.reader, 1 << 20):
                data += piece
        except BlockingIOError:
            pass
        return bytes(data)

    def fill(self):
        self.send(8000)
        harness.wait_until(lambda: net.is_constant(lambda: self.in_pipe()) and self.in_pipe() > 60000,
                           "a full pipe")

    def in_pipe(self):
        return int.from_bytes(fcntl.ioctl(self.reader, 0x541B, b"\0\0\0\0"), "little")  # FIONREAD

    def packets(self, data):
        return whole_blocks(data)[0].count(EPB)

    def test_reader_goes(self):
        self.fill()
        self.capture.signal(signal.SIGSTOP)
        data = self.drain()
        os.close(self.reader)
        self.reader = None
        self.capture.signal(signal.SIGCONT)
        self.assertEqual(self.capture.wait(), 0)  # a reader may leave when it has enough
        books = self.check_books(self.capture, self.packets(data))
        self.assertEqual((books["seen"], books["accepted"]), (8000, 4000))

    def test_reader_is_stuck(self):
        self.fill()
        self.capture.signal()
        self.assertEqual(self.capture.wait(), 0)
        books = self.check_books(self.capture, self.packets(self.drain()))
        self.assertEqual((books["seen"], books["accepted"]), (8000, 4000))


if __name__ == "__main__":
    harness.main()
