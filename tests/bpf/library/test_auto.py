#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mode AUTO disturbs nothing, and the program and libxdptap choose the same way for the same NIC.

nic.c makes both of them take a veth for a NIC of some driver; the kernel says where they have attached.
"""
import os
import subprocess
import sys

import harness
import net
from program import Case, xdptap

TC, NATIVE, GENERIC = "tc", "native", "generic"
# driver, offloads: where AUTO attaches, where XDP does, and what native mode would do
NICS = {
    ("veth", ""): (NATIVE, NATIVE, ""),
    ("mana", "tags merges"): (NATIVE, NATIVE, ""),
    ("virtio_net", "tags"): (TC, GENERIC, ""),  # no virtio device tells its features
    ("igb", ""): (GENERIC, GENERIC, "takes its link down"),
    ("igb", "tags"): (TC, GENERIC, "takes its link down"),
    ("igb", "merges"): (TC, GENERIC, "takes its link down"),
    ("ionic", "tags"): (TC, GENERIC, "stops its queues"),
    ("of_tomorrow", "tags"): (TC, GENERIC, "may be set up again"),
}
# Attaches to near, at the point and in the mode of its arguments, and stays until its input ends.
APPLICATION = """
import ctypes as c, os, sys
class Config(c.Structure): _fields_ = [(n, c.c_size_t) for n in ("size", "ring", "ids")] + [
    ("log", c.c_void_p), ("user", c.c_void_p)]
class Target(c.Structure): _fields_ = [("size", c.c_size_t), ("interface", c.c_char_p)] + [
    (n, c.c_uint32) for n in ("ifindex", "point", "mode", "snaplen")]
class Attachment(c.Structure): _fields_ = [("size", c.c_size_t)] + [
    (n, c.c_uint32) for n in ("ifindex", "point", "mode", "linktype", "is_attached", "reserved")]
class Interface(c.Structure): _fields_ = [("size", c.c_size_t)] + [
    (n, c.c_uint32) for n in ("ifindex", "linktype", "points", "modes", "program", "mode")] + [
    ("name", c.c_char * 16), ("program_name", c.c_char * 64), ("obstacle", c.c_char * 128), ("cost", c.c_char * 128), ("phc", c.c_char * 32)]
lib, tap = c.CDLL(os.environ["LIBRARY"]), c.c_void_p()
said = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)(lambda user, text: os.write(2, text) and None)
config = Config(c.sizeof(Config), 0, 0, c.cast(said, c.c_void_p))
target = Target(c.sizeof(Target), b"near", 0, int(sys.argv[1]), int(sys.argv[2]))
at, near = Attachment(c.sizeof(Attachment)), Interface(c.sizeof(Interface))
assert lib.xdptap_open(c.byref(config), c.byref(tap)) == 0
assert lib.xdptap_query(b"near", 0, c.byref(near)) == 0
assert lib.xdptap_attach(tap, c.byref(target), None) == 0
assert lib.xdptap_get_attachment(tap, 0, c.byref(at)) == 0
print(at.point, at.mode, near.phc.decode() or "-", near.cost.decode(), flush=True)
sys.stdin.read()
"""
AUTO, XDP, TC_INGRESS = 0, 1, 3


class Auto(Case):
    def found(self):
        """Where the kernel has a program for received frames."""
        xdp = self.pair.near.xdp()
        return {None: TC, 1: NATIVE, 2: GENERIC}[xdp and xdp["mode"]]

    def environment(self, nic):
        return dict(os.environ, LD_PRELOAD=os.environ["NIC"], NIC_DRIVER=nic[0], NIC_OFFLOADS=nic[1])

    def program(self, nic, *options):
        """Where the program attaches, and what it says."""
        capture = self.start(*options, env=self.environment(nic))
        found = self.found()
        sent = self.pair.send(3)
        capture.wait_packets(3)
        self.assertEqual(capture.finish().data(), sent)
        return found, capture.stderr().decode()

    def application(self, nic, point=AUTO, mode=0):
        """Starts an application and waits until it has attached."""
        command = [sys.executable, "-c", APPLICATION, str(point), str(mode)]
        application = self.enterContext(
            net.Process(command, self.pair.near, stdin=subprocess.PIPE, env=self.environment(nic)))
        harness.wait_until(lambda: b"\n" in application.stdout() or application.has_ended(), "it to attach")
        self.assertFalse(application.has_ended(), application.text())
        return application

    def library(self, nic, point=AUTO, mode=0):
        """Where an application attaches, and what the library says; and the cost, as xdptap_query() has it."""
        application = self.application(nic, point, mode)
        found = self.found()
        point, mode, self.phc, cost = application.stdout().decode().rstrip("\n").split(" ", 3)
        self.assertEqual((int(point), int(mode)), {TC: (TC_INGRESS, 0), NATIVE: (XDP, 1), GENERIC: (XDP, 2)}[found])
        application.popen.stdin.close()
        application.wait()
        return found, application.stderr().decode(), cost

    def assert_told(self, text, cost, found):
        """In one line, if native mode has a cost."""
        lines = [line for line in text.splitlines() if "capturing received frames" in line]
        self.assertEqual(len(lines), 1 if cost else 0, text)
        if cost:
            self.assertIn("generic mode" if found == GENERIC else "at tc", lines[0])
            self.assertIn(cost, lines[0])
            self.assertIn("native", lines[0].lower())

    def test_same_choice(self):
        for nic, (auto, xdp, cost) in NICS.items():
            if nic[0] == "of_tomorrow" and not net.has_symbol("netdev_nl_dev_get_doit"):  # before 6.3
                cost = ""  # nothing tells that it has a native mode
            for point, expected in ((AUTO, auto), (XDP, xdp)):
                with self.subTest(nic=nic, point=point):
                    self.assert_same_choice(nic, point, expected, cost)

    def assert_same_choice(self, nic, point, expected, cost):
        options = ["--direction", "in"] + ["--point", "xdp"] * (point == XDP)
        found, text = self.program(nic, *options)
        self.assertEqual(found, expected, "the program")
        self.assert_told(text, cost, found)
        found, text, told = self.library(nic, point)
        self.assertEqual(found, expected, "the library")
        self.assert_told(text, cost, found)
        self.assertEqual(told[:len(nic[0] + " " + cost)], f"{nic[0]} {cost}" if cost else "")

    def test_native_if_asked_for(self):
        nic = ("igb", "tags")
        self.assertEqual(self.program(nic, "--direction", "in", "--mode", "native")[0], NATIVE)
        self.assertEqual(self.library(nic, AUTO, 1)[0], NATIVE)

    def test_hardware_clock(self):
        """A NIC's own clock is found, by an application and by the program, which cannot open this one."""
        nic = ("veth", "clock")
        if os.path.exists("/dev/ptp7"):
            self.skipTest("there is a /dev/ptp7")
        self.library(nic)
        said = xdptap("-i", "near", "-j", "adapter", "--point", "xdp", "--mode", "native", "-w", self.path("out.pcapng"),
                      namespace=self.pair.near, env=self.environment(nic))[2].decode()
        if "does not pass time stamps" in said:  # from Linux 6.8 on the kernel tells
            self.assertEqual(self.phc, "-")
        else:
            self.assertEqual(self.phc, "/dev/ptp7")
            self.assertIn("/dev/ptp7", said)
        self.library(("veth", ""))
        self.assertEqual(self.phc, "-")

    def test_program_in_the_way(self):
        """A program that is there is traced, or frames are captured at tc; it stays in any case."""
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        before = self.pair.near.xdp()
        for nic in (("veth", ""), ("igb", "tags"), ("igb", "")):
            text = self.program(nic, "--direction", "in", "--at", "entry")[1]  # if it can be traced
            self.assertIn("has an XDP program", text)
            application = self.application(nic)
            self.assertNotEqual(application.stdout()[:2], b"1 ")
            self.assertIn(b"XDP program", application.stderr())
            application.popen.stdin.close()
            application.wait()
            self.assertEqual(self.pair.near.xdp(), before)


if __name__ == "__main__":
    harness.main()
