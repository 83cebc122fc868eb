#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A plain -w FILE, where FILE may be a link, a device, or standard output under another name."""
import gzip
import os
import stat
import subprocess

import harness
import net
from captures import Capture, read_pcap
from program import NOBODY, XDPTAP, Case, xdptap


class OneFile(Case):
    def capture(self, *options, file="out", count=3, **process):
        """Captures some packets, ends successfully, and returns stderr."""
        capture = self.enterContext(net.Process(
            [XDPTAP, "-i", "near", "-c", str(count), "-w", file, *options], self.pair.near, **process))
        capture.wait_for("File: ")
        self.pair.send(count)
        self.assertEqual(capture.wait(), 0, capture.text())
        self.assertIn(f"Packets captured: {count}\n", capture.stderr().decode())
        return capture.stderr().decode()

    def test_relative_name(self):
        """Messages show the path as it was given."""
        for file in ("out", "./out", "folder/out"):
            with self.subTest(file):
                os.makedirs(self.path("folder"), exist_ok=True)
                self.assertIn(f"File: {file}\n", self.capture(file=file, cwd=self.folder))
                self.assertEqual(len(Capture(self.path(file)).packets), 3)

    def test_link(self):
        for form, read in ((), lambda path: Capture(path).packets), (("--format", "pcap"), read_pcap):
            with self.subTest(form):
                target, link = self.path("target" + form[1] if form else "target"), self.path("link")
                with open(target, "wb") as file:
                    file.write(bytes(100000))
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(target, link)
                self.capture(*form, file=link)
                self.assertTrue(os.path.islink(link))
                self.assertEqual(len(read(target)), 3)

    def test_another_users_link(self):
        """The owner of the folder must not choose which of root's files is overwritten."""
        with open(self.path("dear"), "wb") as file:
            file.write(b"dear")
        os.symlink(self.path("dear"), self.path("link"))
        os.chown(self.path("link"), NOBODY, NOBODY, follow_symlinks=False)
        for name, *options in (("link",), ("link", "--format", "pcap"),
                               ("out", "--log-file", self.path("link")),
                               ("out", "-b", "packets:2", "-b", "printname:" + self.path("link"))):
            with self.subTest(options):
                file = self.path(name)
                status, _, err = xdptap("-i", "near", "-w", file, *options, namespace=self.pair.near)
                self.assertEqual(status, 1)
                self.assert_last_sentence(err, self.path("link"))
        with open(self.path("dear"), "rb") as file:
            self.assertEqual(file.read(), b"dear")

    def test_fifo_through_another_users_link(self):
        os.mkfifo(self.path("fifo"))
        reader = os.open(self.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.capture(file=self.path("fifo"), count=1)
        self.assertGreater(len(os.read(reader, 1 << 20)), 200)
        os.symlink(self.path("fifo"), self.path("link"))
        os.chown(self.path("link"), NOBODY, NOBODY, follow_symlinks=False)
        status, _, err = xdptap("-i", "near", "-w", self.path("link"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, self.path("link"))
        self.assertEqual(os.read(reader, 1), b"")

    def test_fifo_with_options_of_files(self):
        os.mkfifo(self.path("fifo"))
        for options in (("-b", "packets:3"), ("--compress", "gzip"), ("--disk-full", "drop"), ("--sync", "1s")):
            with self.subTest(options):
                status, _, err = xdptap("-i", "near", "-w", self.path("fifo"), *options,
                                        namespace=self.pair.near)
                self.assertEqual(status, 2)
                self.assert_sentence(err, self.path("fifo"), "FIFO")
        self.assertEqual(os.listdir(self.folder), ["fifo"])

    def test_devices(self):
        for options in (), ("--format", "pcap"), ("--compress", "gzip"):
            with self.subTest(options):
                self.capture(*options, file="/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        self.assertFalse(os.path.exists("/dev/null.gz"))

    def test_two_on_one_device(self):
        """Two captures do not wait for each other."""
        self.pair.add("near2", "far2")
        first = self.start(file="/dev/null")
        self.start(file="/dev/null", interface="near2")
        first.signal()
        self.assertEqual(first.wait(), 0)

    def test_dev_stdout(self):
        """/dev/stdout is a pipe, a file, or a deleted file."""
        with open(self.path("file"), "wb") as file:
            self.capture(file="/dev/stdout", stdout=file)
        self.assertEqual(len(Capture(self.path("file")).packets), 3)
        with open(self.path("file"), "r+b") as file:
            os.unlink(self.path("file"))
            self.capture(file="/dev/stdout", stdout=file)
            self.assertEqual(len(Capture(file.read()).packets), 3)
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as file:
            with os.fdopen(writer, "wb") as end:
                self.capture(file="/dev/stdout", stdout=end)
            self.assertEqual(len(Capture(file.read()).packets), 3)

    def test_compressed_name(self):
        """The name ends in .gz, only once."""
        for file, made in (("a.pcapng", "a.pcapng.gz"), ("b.gz", "b.gz")):
            with self.subTest(file):
                text = self.capture("--compress", "gzip", file=self.path(file))
                self.assertIn(f"File: {self.path(made)}\n", text)
                with gzip.open(self.path(made)) as data:
                    self.assertEqual(len(Capture(data.read()).packets), 3)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.pcapng.gz", "b.gz"])

    def test_command_at_the_end(self):
        """--post-rotate also runs on a single file."""
        os.mkdir(self.path("copies"))
        self.capture("--post-rotate", "cp -t " + self.path("copies"), file=self.path("out"))
        harness.wait_until(lambda: os.listdir(self.path("copies")) == ["out"], "a copy")
        out = subprocess.run(["cmp", self.path("out"), self.path("copies/out")], check=False)
        self.assertEqual(out.returncode, 0)

    def test_folder_is_missing(self):
        """The error comes before anything is attached. LeakSanitizer does not work under strace."""
        for options in (), ("--format", "pcap"), ("-b", "packets:2"):
            with self.subTest(options):
                with net.Process(["strace", "-f", "-qq", "-e", "trace=bpf", "-o", self.path("calls"), XDPTAP,
                                  "-i", "near", "-w", self.path("none/out"), *options],
                                 self.pair.near, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) as process:
                    self.assertEqual(process.wait(), 1)
                    self.assert_sentence(process.stderr(), self.path("none/out"), "No such file")
                with open(self.path("calls"), encoding="utf-8") as calls:
                    self.assertNotIn("BPF_LINK_CREATE", calls.read())


if __name__ == "__main__":
    harness.main()
