#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals that are inherited as ignored, arrive twice, or arrive while the last command runs."""
import os
import signal
import stat
import subprocess

import harness
import net
from program import Case


class PostRotate(Case):
    def begin(self):
        """A capture that has ended and waits for its last command, which takes long."""
        command = self.path("command")
        with open(command, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho $$ >{self.path('pid')}\nexec sleep 60\n")
        os.chmod(command, stat.S_IRWXU)
        capture = self.start("-b", "packets:100", "--post-rotate", command)
        self.pair.send(3)
        harness.wait_until(lambda: self.in_part() >= 3, "packets")
        capture.signal()
        harness.wait_until(lambda: os.path.exists(self.path("pid"))
                           and os.path.getsize(self.path("pid")), "the command to run")
        self.addCleanup(self.end_command)
        return capture

    def end_command(self):
        if os.path.exists(self.path("pid")):
            with open(self.path("pid"), encoding="ascii") as file:
                subprocess.run(["kill", file.read().strip()], stderr=subprocess.DEVNULL, check=False)

    def test_second_signal_ends_the_wait(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            with self.subTest(number):
                capture = self.begin()
                harness.wait_until(lambda: net.catches(capture.pid, number), "its handlers")
                capture.signal(number)
                self.assertEqual(capture.wait(harness.SOON), 0)
                self.assertIn(b"Packets captured: 3", capture.stderr())
                self.end_command()
                os.unlink(self.path("pid"))

    def test_other_signals_do_no_harm(self):
        """The capture's handlers are removed with it."""
        capture = self.begin()
        for number in signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH:
            capture.signal(number)
        self.assertFalse(capture.has_ended())
        self.end_command()
        self.assertEqual(capture.wait(harness.SOON), 0)


class Inherited(Case):
    def start_ignoring(self, number):
        def ignore():
            signal.signal(number, signal.SIG_IGN)
        return self.start(preexec_fn=ignore, file=f"{number}.pcapng")

    def test_ignored_stays_ignored(self):
        """nohup(1) ignores SIGHUP; a background job of a script ignores SIGINT."""
        for number in signal.SIGHUP, signal.SIGINT:
            with self.subTest(number):
                capture = self.start_ignoring(number)
                self.pair.send(2)
                capture.wait_packets(2)
                capture.signal(number)
                self.pair.send(2)
                capture.wait_packets(4)
                capture.signal(signal.SIGTERM)
                self.assertEqual(capture.wait(harness.SOON), 0)
                self.assertIn(b"Packets captured: 4", capture.stderr())


class Flush(Case):
    def test_usr2(self):
        """As in tcpdump: buffered frames are written to the file, and the capture continues."""
        capture = self.start()
        self.pair.send(2)
        capture.signal(signal.SIGUSR2)
        capture.wait_packets(2)
        self.pair.send(2)
        capture.wait_packets(4)
        self.assertEqual(len(capture.finish().data()), 4)


harness.main()
