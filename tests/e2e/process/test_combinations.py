#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Options and surroundings that do not go together: an error or a warning, never silence."""
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
                            (["-w", "x", "--format", "pcap", "--sync", "1s"], "--sync")):
            with self.subTest(wrong):
                status, out, err = xdptap("-i", "near", *wrong, namespace=self.pair.near,
                                          cwd=self.folder)
                self.assertEqual((status, out), (2, b""))
                self.assert_sentence(err, word)
        self.assertFalse(os.path.exists(self.path("x")))


class Ssh(Case):
    def run_over_ssh(self, *options, connection=CONNECTION):
        """What a capture prints that writes to a pipe."""
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
