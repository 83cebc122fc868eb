#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures on other machines over ssh, started by Wireshark's sshdump or by ssh itself."""
import os
import signal
import subprocess

import harness
import net
import ssh
from captures import Capture, count_packets
from program import XDPTAP, Case, Wireshark

PORT = 2222


class Remote(Case):
    """An ssh server on the loopback device of a namespace."""

    def setUp(self):
        super().setUp()
        ssh.prepare(self)
        ssh.serve(self, self.pair.near, PORT)

    def assert_ended(self):
        self.assert_free()
        harness.wait_until(lambda: not self.programs(), "the end of the remote program", harness.SOON)

    def programs(self):
        inside = subprocess.check_output(["ip", "netns", "pids", self.pair.near.name], text=True)
        return [pid for pid in inside.split() if (net.stat(pid) or [""])[0] == "xdptap"]

    def test_sshdump(self):
        wireshark = Wireshark(self.folder)
        file = self.path("out.pcapng")
        for number in signal.SIGINT, signal.SIGTERM:
            settings = {"remotehost": "127.0.0.1", "remoteport": PORT, "remoteusername": "root",
                        "sshkey": self.path("key"),
                        "remotecapturecommand": f"{XDPTAP} -q -i near -w -"}
            with self.subTest(number.name), wireshark.tshark(
                    "-i", "sshdump", "-w", file,
                    *(f"-oextcap.sshdump.{name}:{value}" for name, value in settings.items()),
                    namespace=self.pair.near) as tshark:
                harness.wait_until(lambda: tshark.has_ended() or self.pair.near.xdp(), "a program")
                self.assertFalse(tshark.has_ended(), tshark.text())
                sent = self.pair.send(5)
                harness.wait_until(lambda: count_packets(file) >= 5, "packets")
                tshark.signal(number)
                tshark.wait()
                capture = Capture(file)
                self.assertEqual(capture.data(), sent)
                self.assertEqual([i.option("if_name") for i in capture.interfaces], ["near"])
                self.assertIn("xdptap", capture.section.option("shb_userappl"))
                self.assert_ended()
                os.unlink(file)

    def test_machines_together(self):
        """Merges two captures over ssh in time order: each frame is there as sent and as received."""
        ssh.serve(self, self.pair.far, PORT)
        captures = []
        for namespace, interface in ((self.pair.near, "near"), (self.pair.far, "far")):
            with open(self.path(interface), "wb") as file:
                captures.append(self.enterContext(net.Process(
                    ssh.command(self, PORT, "127.0.0.1", f"{XDPTAP} -q -i {interface} -w -"), namespace,
                    stdout=file)))
            captures[-1].wait_for("File: -")
        sent = self.pair.send(10)
        for capture, interface in zip(captures, ("near", "far")):
            harness.wait_until(lambda: count_packets(self.path(interface)) >= 10, "packets")
            capture.signal(signal.SIGTERM)
            capture.wait()
        self.assert_ended()
        subprocess.run(["mergecap", "-w", self.path("both"), self.path("near"), self.path("far")],
                       check=True)
        times, data = zip(*((packet.ts_ns, packet.data) for packet in
                            Capture(self.path("both")).packets))
        self.assertEqual(sorted(data), sorted(sent * 2))
        self.assertEqual(list(times), sorted(times))


if __name__ == "__main__":
    harness.main()
