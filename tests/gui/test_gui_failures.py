#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures in Wireshark that fail at their start or later, and those that follow in the same window."""
import os
import signal

import test_gui  # first: it finds the other modules

import harness
import net

setUpModule = test_gui.setUpModule

ROUNDS = int(os.environ.get("XDPTAP_TESTS_ROUNDS", "50" if os.environ.get("XDPTAP_TESTS_LONG") else "2"))


class Failures(test_gui.GuiCase):
    """A box with our sentence; and the window never stands still."""

    def check_again(self):
        """The next capture in the same window works, on an interface without that option."""
        self.double_click("lo")
        self.pair.near.ping("127.0.0.1", 1)
        self.packets(2)
        self.stop()

    def fail_at_start(self, option, *words):
        self.open("-o", f"extcap.xdptap_near.{option}")
        self.start_capture()
        self.check_box(*words)
        self.assert_free()
        self.check_again()

    def test_namespace(self):
        self.fail_at_start("netns:nowhere", "no such network namespace", "nowhere")

    def test_option(self):
        self.fail_at_start("mode:sideways", "--mode must be one of", "sideways")

    def test_occupied(self):
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        self.open("-o", "extcap.xdptap_near.point:xdp")
        self.start_capture()
        self.check_box("is attached to \"near\"", self.pair.near.xdp()["prog"]["name"])

    def test_interface_is_deleted(self):
        self.open()
        self.double_click("near")
        self.pair.ping(2)
        self.packets(4)
        self.pair.near.ip("link", "del", "near")
        self.check_box("near", "was deleted; what came before is complete")
        self.packets(4)

    def test_killed(self):
        """By nobody's fault of ours: no sentence, but the window lives, and what came is kept."""
        self.open()
        self.double_click("near")
        self.pair.ping(2)
        self.packets(4)
        os.kill(self.xdptap(), signal.SIGKILL)
        harness.wait_until(lambda: not self.xdptap(), "its end")
        self.app.wait_alive()
        self.packets(4)
        self.assert_free()

    def test_stopped(self):
        """Standing still itself, xdptap does not take the window with it."""
        self.open()
        self.double_click("near")
        pid = self.xdptap()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: net.stat(pid) and os.kill(pid, signal.SIGCONT))
        bar = self.show_toolbar()
        for _ in range(20):
            bar.wait("check box", "^Pause$").click()
        self.app.wait_alive()
        os.kill(pid, signal.SIGCONT)
        self.pair.ping(2)  # else nothing changes in the status bar, from which Wireshark removes old messages
        self.wait_status("XDP tap: [1-9]")
        self.stop()


class Repeatedly(test_gui.GuiCase):
    """A failed start must not spoil the toolbar of the next capture. Wireshark decides by the order of events,
    so it is tried over and over in one window: fifty times with XDPTAP_TESTS_LONG=1, else twice."""

    def test_toolbar_after_failed_starts(self):
        log = self.path("log")
        self.open("-o", "gui.ask_unsaved:FALSE", "-o", "extcap.xdptap_near.point:xdp", "-o",
                  f"extcap.xdptap_near.logfile:{log}", "-o", "extcap.xdptap_near.loglevel:info")
        bar = self.show_toolbar()
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.fail_to_start()
                self.check_toolbar(bar, f"icmp[0] == 8 and icmp[1] != {number + 1}", log)
                harness.comment(f"round {number + 1} of {ROUNDS}")

    def fail_to_start(self):
        """Another XDP program is there: a box says so."""
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        self.start_capture()
        self.check_box("is attached to \"near\"")
        self.pair.near.ip("link", "set", "near", "xdp", "off")

    def check_toolbar(self, bar, expression, log):
        """A filter that was never set before reaches the capture, which keeps what it matches."""
        self.double_click("near")
        before = self.size(log)
        field = bar.wait("text")
        field.write(expression)
        test_gui.screen.key("Return")
        harness.wait_until(lambda: self.said(log, before, f"capture filter \"{expression}\"", "in effect"),
                           f"{expression} in the log of xdptap")
        self.pair.ping(2)
        self.packets(2)
        self.stop()
        self.assertEqual(len(self.app.windows()), 1, "a box")
        self.menu("File", "Close")  # back to the list of interfaces

    @staticmethod
    def size(path):
        return os.path.getsize(path) if os.path.exists(path) else 0

    @staticmethod
    def said(path, offset, *words):
        with open(path, encoding="utf-8") as file:
            file.seek(offset)
            text = file.read()
        return all(word in text for word in words)


if __name__ == "__main__":
    harness.main(test_gui.missing)
