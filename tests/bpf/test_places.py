#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each program has one place for the filter, whichever clang of this machine compiles it, and the check of the
build finds the faults it is there for."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

import harness

CHECK, *SOURCES = [argument for argument in sys.argv[1:] if os.path.isabs(argument) or os.path.exists(argument)]
sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in (CHECK, *SOURCES)]
FLAGS = os.environ["BPF_FLAGS"].split("\n")
PROGRAM = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bpf/kernel/filter.bpf.h"
%s
SEC("xdp") int tap(struct xdp_md *ctx) { return %s; }
"""


def clangs():
    """Each clang by its version, and the one that the build uses."""
    found = {os.environ["CLANG"]}
    for folder in os.environ["PATH"].split(":"):
        found |= {path for path in glob.glob(folder + "/clang-*") if re.search(r"/clang-\d+$", path)}
    return sorted({os.path.realpath(path) for path in found})


class Places(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))

    def compile(self, clang, source):
        out = os.path.join(self.folder, "object")
        subprocess.run([clang, *FLAGS, "-c", source, "-o", out], check=True)
        return out

    def check(self, path):
        """(exit status, what it says)"""
        done = subprocess.run([sys.executable, CHECK, path], stderr=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stderr

    def test_every_clang(self):
        self.assertTrue(clangs() and SOURCES)
        for clang in clangs():
            for source in SOURCES:
                with self.subTest(clang=clang, source=os.path.basename(source)):
                    self.assertEqual(self.check(self.compile(clang, source)), (0, ""))

    def test_faults(self):
        once = "filter_accepts(ctx, 0)"
        subprogram = "__noinline int other(void *ctx) { return %s; }" % once
        for before, value, count in (("", "!ctx", "tap has the filter's place 0 times"),
                                     ("", f"{once} + {once}", "tap has the filter's place 2 times"),
                                     (subprogram, f"{once} + other(ctx)", "other has the filter's place 1 times")):
            with self.subTest(count):
                source = os.path.join(self.folder, "faulty.c")
                with open(source, "w", encoding="utf-8") as file:
                    file.write(PROGRAM % (before, value))
                status, said = self.check(self.compile(os.environ["CLANG"], source))
                self.assertEqual(status, 1)
                self.assertIn(count, said)


if __name__ == "__main__":
    harness.main()
