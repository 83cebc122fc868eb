#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Options and environments that do not go together: an error or a warning, never silence."""
import os
import signal
import subprocess

import harness
import net
from program import XDPTAP, Case, xdptap

CONNECTION = f"{net.FAR_IP} 50022 {net.NEAR_IP} 22"


class Options(Case):
    def test_without_effect(self):
        for wrong, word in ((["-w", "x", "-a", "files:2"], "files:"),
                            (["-w", "x", "--max-age", "1d"], "--max-age"),
                            (["-w", "-", "--post-rotate", "true"], "--post-rotate"),
                            (["-w", "-", "-g"], "-g"),
                            (["-w", "-", "-b", "packets:1"], "-b"),
                            (["-w", "x", "--format", "pcap", "--post-rotate", "true"], "--post-rotate"),
                            (["-w", "x", "--mode", "native", "--point", "tc"], "--mode"),
                            (["-w", "x", "--log-level", "debug"], "--log-file"),
                            (["-w", "x", "--disk-full", "prune"], "-b"),
                            (["-w", "/dev/null", "-g"], "-g"),
                            (["-w", "x", "-D"], "--interface"),
                            (["-D", "-d", "-f", "tcp"], "one of them"),
                            (["-w", "x", "--format", "pcap", "--sync", "1s"], "--sync")):
            with self.subTest(wrong):
                status, out, err = xdptap("-i", "near", *wrong, namespace=self.pair.near,
                                          cwd=self.folder)
                self.assertEqual((status, out), (2, b""))
                self.assert_sentence(err, word)
        self.assertFalse(os.path.exists(self.path("x")))

    def test_dialog(self):
        """Also from Wireshark, which shows the error in a box."""
        status, out, err = xdptap("--capture", "--extcap-interface", "xdptap-near", "--fifo", self.path("x"),
                                  "--mode", "native", "--point", "tc", namespace=self.pair.near)
        self.assertEqual((status, out), (2, b""))
        self.assert_sentence(err, "--mode")

    def test_same_file(self):
        """The error is not logged into an existing capture file."""
        with open(self.path("old"), "wb") as file:
            file.write(b"dear")
        for option in "--log-file", "--stats-file":
            status, _, err = xdptap("-i", "near", "-w", self.path("old"), option, self.path("old"),
                                    namespace=self.pair.near)
            self.assertEqual(status, 2)
            self.assert_sentence(err, "--write", option, self.path("old"))
        with open(self.path("old"), "rb") as file:
            self.assertEqual(file.read(), b"dear")

    def test_interfaces_of_a_namespace(self):
        """-D --netns lists the interfaces of that namespace."""
        status, out, err = xdptap("-D", "--netns", self.pair.near.name)
        self.assertEqual((status, err), (0, b""))
        self.assertEqual({line.split()[1] for line in out.decode().splitlines()}, {"lo", "near"})


class Ssh(Case):
    def run_over_ssh(self, *options, connection=CONNECTION):
        """Returns the messages of a capture that writes to a pipe."""
        env = {**os.environ, "SSH_CONNECTION": connection}
        with net.Process([XDPTAP, "-i", "near", "-w", "-", *options], self.pair.near, env=env,
                         stdout=subprocess.PIPE) as capture:
            self.wait_attached()
            capture.signal(signal.SIGTERM)
            capture.popen.stdout.read()
            self.assertEqual(capture.wait(), 0)
            capture.popen.stdout.close()
            return capture.stderr().decode()

    def test_warned(self):
        for options in (), ("-f", "tcp"), ("-f", "src port 22"):
            with self.subTest(options):
                text = self.run_over_ssh(*options)
                self.assertIn(f"-f 'not (host {net.FAR_IP} and port 50022)'", text)

    def test_silent(self):
        for options, connection in ((("-f", "not port 22"), CONNECTION), (("-f", "udp"), CONNECTION),
                                    (("-f", f"not (host {net.FAR_IP} and port 50022)"), CONNECTION),
                                    ((), "192.0.2.1 1 192.0.2.2 22"), ((), "nonsense")):
            with self.subTest(options):
                self.assertNotIn("ssh", self.run_over_ssh(*options, connection=connection))


if __name__ == "__main__":
    harness.main()
