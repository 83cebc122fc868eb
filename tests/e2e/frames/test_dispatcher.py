#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs under libxdp's dispatcher are listed and traced one by one."""
import itertools
import os
import shutil
import subprocess

import harness
import net
from program import xdptap
from tracing import ABORTED, DROP, KEEP, PASS, REDIRECT, TX, WRITE, TraceCase, changed, order, sides

PROGRAM = "decides_as_a_frame_says"

ALL = [order(verdict, change, number=number) for number, (verdict, change) in enumerate(
    itertools.product((ABORTED, DROP, PASS, TX, REDIRECT), (KEEP, WRITE)))]


class Dispatcher(TraceCase):
    """Uses near2, because the program on near shows whether this kernel can trace at all."""

    def setUp(self):
        if not shutil.which("xdp-loader"):
            self.skipTest("needs xdp-loader")
        super().setUp()
        self.pair.add("near2", "far2")
        self.load(os.environ["XDP_DECIDES"])
        self.load(os.environ["XDP_PASS"])

    def load(self, *arguments):
        """libxdp pins what it loads; here, in a file system of the test's own."""
        mounted = self.path("bpf")
        os.makedirs(mounted, exist_ok=True)
        if not os.path.ismount(mounted):
            subprocess.run(["mount", "-t", "bpf", "bpf", mounted], check=True)
            self.addCleanup(subprocess.run, ["umount", mounted], check=True)
        environment = dict(os.environ, LIBXDP_BPFFS=mounted)
        with net.Process(["xdp-loader", "load", "near2", *arguments], self.pair.near,
                         env=environment) as loader:
            self.assertEqual(loader.wait(), 0, loader.text())

    def capture(self, *options):
        capture = self.trace(*options, interface="near2")
        self.pair.send_all(ALL, "far2")
        return capture

    def test_listed(self):
        out = xdptap("-D", namespace=self.pair.near)[1].decode()
        self.assertRegex(out, rf"(?m)near2 .* xdp_dispatcher native(, \d+ ({PROGRAM}|somebody)){{2}}$")
        out = xdptap("--extcap-config", "--extcap-interface", "xdptap-near2",
                     namespace=self.pair.near)[1].decode()
        for name in (PROGRAM, "somebody"):
            self.assertRegex(out, rf"(?m)^value .*{{display=\d+ {name}, called by the dispatcher}}$")

    def test_one_behind(self):
        capture = self.capture("--program", PROGRAM)
        capture.wait_packets(2 * len(ALL))
        self.check(sides(capture.finish()), ALL, PROGRAM, "near2")

    def test_one_behind_by_verdict(self):
        wanted = [frame for frame in ALL if frame[14] == DROP]
        capture = self.capture("--program", PROGRAM, "--verdict", "drop")
        capture.wait_packets(2 * len(wanted))
        self.check(sides(capture.finish()), wanted, PROGRAM, "near2")

    def test_all_together(self):
        """The dispatcher itself can be traced; its verdict is that of the last program."""
        capture = self.capture()
        capture.wait_packets(2 * len(ALL))
        found = sides(capture.finish())
        self.assertEqual({side.name for side in found},
                         {"near2:xdp_dispatcher@entry", "near2:xdp_dispatcher@exit"})
        self.assertEqual([side.data for side in found[::2]], ALL)
        self.assertEqual([side.data for side in found[1::2]], [changed(frame) for frame in ALL])
        self.assertEqual([side.verdict for side in found[1::2]], [frame[14] for frame in ALL])


if __name__ == "__main__":
    harness.main()
