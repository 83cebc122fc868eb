#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time stamps in a time namespace, whose monotonic clock differs from that of BPF programs."""
import subprocess

import harness
import net
from captures import Capture, count_packets
from program import XDPTAP, Case


class TimeNamespace(Case):
    def test_times(self):
        """A shifted clock neither shifts time stamps nor delays frames."""
        if subprocess.run(["unshare", "-T", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("this kernel has no time namespaces")
        for shift in "-1000", "100000":
            with self.subTest(shift):
                file = self.path(f"{shift}.pcapng")
                command = ["unshare", "-T", "--monotonic", shift, XDPTAP, "-i", "near", "-w", file]
                with net.Process(command, self.pair.near) as capture:
                    capture.wait_for("Capturing on")
                    before = harness.clock_ns()
                    self.pair.send(3)
                    harness.wait_until(lambda f=file: count_packets(f) == 3, "the frames")
                    after = harness.clock_ns()
                    capture.signal()
                    self.assertEqual(capture.wait(), 0)
                for packet in Capture(file).packets:
                    self.assertGreaterEqual(packet.ts_ns, before - 10**6)
                    self.assertLessEqual(packet.ts_ns, after)


harness.main()
