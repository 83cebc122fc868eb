#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Standard descriptors that are closed, full or stopped: they never hold up a capture."""
import fcntl
import os
import signal
import subprocess

import harness
from captures import Capture, count_packets
from program import XDPTAP, Case


class Descriptors(Case):
    def begin(self, redirection="", **process):
        command = f'exec "$0" "$@" {redirection}'
        popen = subprocess.Popen(
            ["ip", "netns", "exec", self.pair.near.name, "sh", "-c", command, XDPTAP, "-i", "near",
             "-w", self.path("out")], **{"stdin": subprocess.DEVNULL, **process})
        self.addCleanup(popen.wait)
        self.addCleanup(popen.kill)
        self.wait_attached()
        return popen

    def check(self, process):
        """Checks that frames are captured and that all signals work."""
        harness.wait_until(lambda: os.path.exists(self.path("out")), "the file")
        self.pair.send(3)
        harness.wait_until(lambda: count_packets(self.path("out")) >= 3, "packets")
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(harness.SOON), 0)
        self.assertEqual(len(Capture(self.path("out")).packets), 3)
        os.unlink(self.path("out"))

    def test_closed(self):
        for redirection in "0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-":
            with self.subTest(redirection):
                self.check(self.begin(redirection))

    def test_closed_output(self):
        """Output to a closed standard output does not vanish silently."""
        command = ["ip", "netns", "exec", self.pair.near.name, "sh", "-c", 'exec "$0" "$@" >&-',
                   XDPTAP, "-i", "near", "-w", "-"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=harness.DEADLINE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assert_last_sentence(done.stderr, "xdptap: ")

    def test_full_pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        os.write(writer, bytes(fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1)))  # a page
        os.set_blocking(writer, True)
        process = self.begin(stderr=writer)
        os.close(writer)
        self.check(process)

    def test_stopped_terminal(self):
        """Ctrl-S."""
        terminal, end = os.openpty()
        self.addCleanup(os.close, terminal)
        process = self.begin(stderr=end)
        os.close(end)
        text = b""
        while b"File:" not in text:
            text += os.read(terminal, 4096)
        os.write(terminal, b"\x13")
        self.check(process)


if __name__ == "__main__":
    harness.main()
