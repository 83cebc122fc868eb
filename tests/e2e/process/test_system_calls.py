#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The sandbox refuses nothing that a capture needs, whichever C library and libbpf it was built with: strace names
each system call that was refused."""
import os
import re
import shlex
import signal
import socket

import harness
import net
import toolbar
from program import Case, Extcap, XDPTAP
from toolbar import DIRECTION, FILTER, PAUSE

# The C library asks for a thread with clone3, whose flags no filter can see, and then with clone.
EXPECTED = {"clone3"}


def refused(calls):
    """The names of the system calls that strace saw fail with ENOSYS."""
    return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)\b.* = -1 ENOSYS\b", calls, re.MULTILINE))


class SandboxCase(Case):
    def setUp(self):
        super().setUp()
        with open(XDPTAP, "rb") as file:
            if b"__asan_" in file.read():
                self.skipTest("this build has sanitizers, which do what they like")
        # If a test fails, nothing of it outlives strace.
        self.traced = ["strace", "-f", "-qq", "-s", "4", "-o", self.path("calls"), "setpriv", "--pdeathsig", "KILL",
                       XDPTAP]

    def trace(self, *options, **process):
        """A capture under strace."""
        capture = self.enterContext(net.Process([*self.traced, *options], self.pair.near, **process))
        capture.wait_for("File: ")
        return capture

    def stop(self, tracer):
        for child in net.children(tracer.pid):
            os.kill(child, signal.SIGINT)

    def assert_admitted(self, *calls):
        """Nothing else was refused, and these calls were made in the sandbox."""
        with open(self.path("calls"), encoding="utf-8") as file:
            before, _, after = file.read().partition("SECCOMP_SET_MODE_FILTER")
        self.assertEqual(refused(after) - EXPECTED, set())
        self.assertTrue(before)
        for call in ("exit_group", *calls):
            self.assertIn(call, after)


class Standalone(SandboxCase):
    def end(self, capture):
        self.stop(capture)
        return capture.wait()

    def test_output(self):
        """Frames to a file, to one on a full disk, and to a pipe."""
        disk = self.small_disk("64k") + "/out"
        for file, options in ((self.path("file"), ()), (disk, ()), (disk, ("--format", "pcap")), ("-", ())):
            with self.subTest(file):
                capture = self.trace("-i", "near", "-w", file, *options)
                self.pair.send(100, size=1000)
                self.end(capture)
                self.assert_admitted("BPF_LINK_DETACH")

    def test_rotation(self):
        """Rotated, compressed and synchronized files, counters, and a service manager."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(self.path("notify"))
        manager.settimeout(harness.DEADLINE)
        with manager:
            capture = self.trace("-i", "near", "-w", self.path("set"), "-b", "packets:2", "-b", "files:9",
                                 "--min-free", "1%", "--compress", "gzip", "--sync", "1ms",
                                 "--stats-file", self.path("stats"), "-b", "printname:" + self.path("names"),
                                 env=dict(os.environ, NOTIFY_SOCKET=self.path("notify")))
            self.assertIn(b"READY", manager.recv(1000))
            self.pair.send(9)
            harness.wait_until(lambda: len([name for name in os.listdir(self.folder) if re.fullmatch(
                r"set_.*(?<!\.part)", name)]) >= 4, "files")
            self.assertIn(b"STATUS", manager.recv(1000))
            harness.wait_until(lambda: os.path.exists(self.path("stats")), "counters")
            self.assertEqual(self.end(capture), 0, capture.text())
        self.assert_admitted("fdatasync", "sendto")

    def test_interfaces(self):
        """An interface that joins the capture of all gets its filter there."""
        capture = self.trace("-i", "any", "-f", "ether proto 0x88b5", "-w", self.path("file"),
                             "--log-file", self.path("log"), "--log-level", "info")
        self.pair.add("later", "far-later")

        def has_joined():
            with open(self.path("log"), encoding="utf-8") as log:
                return "later: received frames at" in log.read()
        harness.wait_until(has_joined, "the new interface in the log")
        self.assertEqual(self.end(capture), 0, capture.text())
        self.assert_admitted("BPF_PROG_LOAD")

    def test_processes(self):
        """The process of each frame is looked up."""
        capture = self.trace("-i", "near", "--process", "-w", self.path("file"))
        self.pair.send(10)
        self.assertEqual(self.end(capture), 0, capture.text())
        self.assert_admitted()


class Changes(SandboxCase):
    """The toolbar: programs are loaded and replaced in the sandbox."""

    def change(self, bar, number, value):
        count = len(bar.texts(toolbar.ADD, toolbar.LOG))
        bar.set(number, value)
        harness.wait_until(lambda: any(text.endswith("in effect\n") for text in
                                       bar.texts(toolbar.ADD, toolbar.LOG)[count:]), "the change")

    def test_toolbar(self):
        program = self.path("traced")
        with open(program, "w", encoding="utf-8") as script:
            script.write(f"#!/bin/sh\nexec {shlex.join(self.traced)} \"$@\"\n")
        os.chmod(program, 0o755)
        bar = toolbar.Toolbar(self.folder)
        self.addCleanup(bar.close)
        extcap = self.enterContext(Extcap(self.pair.near, self.path("fifo"), *bar.options, program=program))
        bar.open()
        extcap.open()
        # a name to look up, an expression that names no address, and none
        for number, value in ((FILTER, "host localhost"), (FILTER, "tcp port http"), (DIRECTION, "in"),
                              (PAUSE, b"\1"), (PAUSE, b"\0"), (FILTER, "")):
            self.change(bar, number, value)
        self.pair.send(3)
        self.stop(extcap)
        self.assertEqual(extcap.read_rest(), 0, extcap.text())
        self.assert_admitted("BPF_PROG_LOAD")


if __name__ == "__main__":
    harness.main()
