#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of libxdptap, between two network namespaces: the installed programs, and the Python program of
the man page, run as they stand."""
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import harness
import net
from captures import Capture


def python_example():
    """The page's example that is Python."""
    with open(os.environ["PAGE"], encoding="utf-8") as file:
        found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", file.read(), re.M | re.S)
    program, = (text for text in found if "import ctypes" in text)
    return program.replace("\\e", "\\").replace("\\-", "-")


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))
        self.pair = self.enterContext(net.Pair())

    def run_near(self, *command, **environment):
        environment = dict(os.environ, PYTHONUNBUFFERED="1", **environment)
        program = self.enterContext(net.Process(list(command), self.pair.near, env=environment))
        harness.wait_until(lambda: self.pair.near.xdp() or program.has_ended(), "a program on near")
        self.assertFalse(program.has_ended(), program.text())
        return program

    def wait_for_frames(self, program, frames):
        """Until each is there, in hexadecimal."""
        def missing():
            said = re.sub(r"[^0-9a-f]", "", program.stdout().decode())
            return [frame for frame in frames if frame.hex() not in said]
        harness.wait_until(lambda: not missing() or program.has_ended(), "the frames")
        self.assertEqual(missing(), [], program.text())

    def assert_nothing_left(self):
        harness.wait_until(lambda: not self.pair.near.xdp(), "the end of the program on near")

    def test_hexdump(self):
        program = self.run_near(os.environ["HEXDUMP"], "near")
        self.wait_for_frames(program, self.pair.send(20))
        program.signal(signal.SIGKILL)
        program.wait()
        self.assertEqual(program.stderr(), b"")
        self.assert_nothing_left()

    def test_hexdump_ended(self):
        """By a signal, it ends in order: with all that it has captured, and well."""
        program = self.run_near(os.environ["HEXDUMP"], "near")
        sent = self.pair.send(20)
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), 0, program.text())
        self.wait_for_frames(program, sent)
        self.assertIsNone(self.pair.near.xdp())

    def test_sizes(self):
        """What the pages promise, counted without blank lines and comments."""
        for name, limit in ("HEXDUMP_SOURCE", 20), ("WRITE_FILES_SOURCE", 40):
            with open(os.environ[name], encoding="utf-8") as file:
                code = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            self.assertLessEqual(sum(bool(line.strip()) for line in code.splitlines()), limit, name)

    def test_hexdump_refused(self):
        program = self.enterContext(net.Process([os.environ["HEXDUMP"], "nowhere"], self.pair.near))
        self.assertEqual(program.wait(), 1)
        self.assertEqual(program.stderr(), b'there is no interface "nowhere"\n')

    def test_python(self):
        path = os.path.join(self.folder, "example.py")
        text = python_example()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertLessEqual(len(text.strip().splitlines()), 10, "ten lines are enough")
        program = self.run_near(sys.executable, path, "near",
                                LD_LIBRARY_PATH=os.path.dirname(os.environ["LIBRARY"]))
        self.wait_for_frames(program, self.pair.send(20))
        program.signal(signal.SIGKILL)
        program.wait()
        self.assert_nothing_left()

    def test_files(self):
        """Every frame is in one of the files, each of which can be read."""
        program = self.run_near(os.environ["WRITE_FILES"], "near", os.path.join(self.folder, "cap.pcapng"))
        sent = self.pair.send(3000, 1000)
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.text())
        self.assertEqual(program.stderr(), b"")
        paths = sorted(glob.glob(self.folder + "/*"))
        self.assertGreater(len(paths), 2)
        self.assertTrue(all(path.endswith(".pcapng") for path in paths), paths)
        captured = []
        for path in paths:
            captured += Capture(path).data()
            subprocess.run(["capinfos", path], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(captured, sent)
        self.assertEqual([i.fields["linktype"] for i in Capture(paths[0]).interfaces], [1])
        self.assertIsNone(self.pair.near.xdp())

    def test_files_refused(self):
        program = self.enterContext(net.Process(
            [os.environ["WRITE_FILES"], "near", os.path.join(self.folder, "missing", "cap.pcapng")], self.pair.near))
        self.assertEqual(program.wait(), 1)
        self.assertIn(b"No such file or directory", program.stderr())
        self.assertIsNone(self.pair.near.xdp())

    def test_files_killed(self):
        """What was finished before it was killed can be read, and nothing stays attached."""
        program = self.run_near(os.environ["WRITE_FILES"], "near", os.path.join(self.folder, "cap.pcapng"))
        sent = self.pair.send(3000, 1000)
        harness.wait_until(lambda: len(glob.glob(self.folder + "/*.pcapng")) > 1, "two files")
        program.signal(signal.SIGKILL)
        program.wait()
        captured = [data for path in sorted(glob.glob(self.folder + "/*.pcapng")) for data in Capture(path).data()]
        self.assertTrue(captured)
        self.assertEqual(captured, sent[:len(captured)])
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
