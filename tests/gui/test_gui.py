#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a user does and sees in Wireshark, on a virtual X server."""
import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "e2e", "lib"))
import harness  # noqa: E402, because of the path
import net  # noqa: E402
from devices import NEAR4, Devices  # noqa: E402
from net import Process  # noqa: E402
from program import Case, Wireshark  # noqa: E402

try:
    import desktop
except ImportError:  # its bindings are those of the system's own Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    desktop = None

PICTURES = os.environ.get("XDPTAP_PICTURES", tempfile.gettempdir())
screen = None


def setUpModule():
    global screen
    folder = tempfile.TemporaryDirectory(prefix="xdptap-gui-")
    screen = desktop.Desktop(folder.name)
    screen.__enter__()
    unittest.addModuleCleanup(folder.cleanup)
    unittest.addModuleCleanup(screen.__exit__)


class GuiCase(Case):
    def setUp(self):
        super().setUp()
        self.home = Wireshark(self.folder)
        self.app = self.process = None

    def picture(self, name):
        """For people, in the build folder."""
        os.makedirs(PICTURES, exist_ok=True)
        screen.picture(os.path.join(PICTURES, f"{self.id().rpartition('.')[2]}-{name}.png"))

    def open(self, *options):
        """Wireshark, with its window over the whole screen."""
        env = {**os.environ, "HOME": self.home.home, "TMPDIR": self.home.temporary}
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_CONFIG_DIR"):
            env.pop(name, None)
        self.process = self.enterContext(Process(["wireshark", *options], self.pair.near, env=env))
        self.app = desktop.find_application(screen, self.process.pid)
        self.addCleanup(self.picture, "end")
        screen.fill(self.process.pid)

    @property
    def main(self):
        return self.app.window("Wireshark|Capturing|XDP tap|near")

    def status(self):
        """What the labels of the status bar say."""
        bar = self.main.child("status bar")
        return [w.name for w in bar.walk() if w.role == "label" and w.is_showing] if bar else []

    def wait_status(self, words):
        return harness.wait_until(lambda: next((t for t in self.status() if re.search(words, t)), None),
                                  f"\"{words}\" in the status bar, not {self.status()}")

    def xdptap(self):
        """Its process, or None."""
        return next((pid for pid in net.children(self.process.pid)
                     if (net.stat(pid) or ("",))[0] == "xdptap"), None)

    def wait_capturing(self, interface="near"):
        harness.wait_until(lambda: self.xdptap(), "xdptap")
        self.wait_attached(interface)
        self.wait_status("XDP tap.*seen")  # sent after the last step of the start

    def start_capture(self, name="near"):
        self.main.wait("tree item", f"^XDP tap on {name}").click(2)

    def double_click(self, name):
        self.start_capture(name)
        self.wait_capturing(name)

    def button(self, name):
        """Presses it in whichever toolbar has it: since Qt 6, toolbars tell no names."""
        bars = (bar for bar in self.main.children if bar.role == "tool bar")
        next(filter(None, (bar.find("push button", f"^{name}$") for bar in bars))).click()

    def stop(self):
        self.button("Stop")
        harness.wait_until(lambda: not self.xdptap(), "the end of xdptap")
        self.assert_free()
        harness.wait_until(lambda: not self.app.windows()[0].name.startswith("Capturing"), "the end")

    def menu(self, *names):
        item = self.main.child("menu bar")
        for name in names:
            item = item.wait("menu item", f"^{re.escape(name)}", skip=())
        item.press()

    def show_toolbar(self):
        self.menu("View", "Interface Toolbars", "XDP tap")
        return harness.wait_until(lambda: next(
            (w for w in self.main.children if w.role == "tool bar" and w.is_showing and
             w.find("check box", "^Pause$")), None), "the toolbar")

    def packets(self, count):
        self.wait_status(rf"^Packets: {count}\b")

    def count(self):
        return int(re.search(r"Packets: (\d+)", self.wait_status("^Packets"))[1])

    def find_box(self, *words):
        """The window that says all of these words, or None."""
        for window in self.app.windows():
            text = " ".join([window.name] + [w.name for w in window.walk() if w.role == "label"])
            if all(word in text for word in words):
                return window
        return None

    def close_box(self, *words):
        box = self.find_box(*words)
        button = box and box.find("push button", "OK|Close")
        if button:
            button.click()
        return box

    def check_box(self, *words):
        """A box with our sentence. Where nothing was captured, Wireshark's own follows, which says that."""
        harness.wait_until(lambda: self.find_box(*words), f"a box that says {words}")
        self.picture("box")
        self.app.wait_alive()
        self.close_box(*words)
        harness.wait_until(lambda: not self.close_box("No packets captured") and len(self.app.windows()) == 1,
                           "the boxes to close")


class Capturing(GuiCase, Devices):
    def test_start_and_stop(self):
        """From the list, with counters that move, to the numbers in the file's properties."""
        self.open()
        self.double_click("near")
        self.picture("started")
        self.pair.ping(5)
        self.packets(10)
        self.wait_status("XDP tap: 10 seen, 10 kept, 0 lost")
        self.pair.ping(2)
        self.wait_status("XDP tap: 14 seen, 14 kept, 0 lost")
        self.packets(14)
        self.picture("packets")
        self.stop()
        self.assertEqual(len(self.app.windows()), 1, "a box")
        self.assertRegex(self.properties(), r"near\s+0 \(0\.0%\)\s+none\s+Ethernet")

    def check_headerless(self):
        """t0 has no Ethernet header: it is in the list, and its packets are dissected from the IP header on."""
        self.open()
        self.main.wait("tree item", "^XDP tap on t0").click(2)
        harness.wait_until(self.xdptap, "xdptap")
        self.wait_status("XDP tap.*seen")
        self.pair.far.ping(NEAR4, 3)
        self.wait_status(r"^Packets: ([6-9]|\d\d)")  # and the devices' own solicitations
        self.menu("Go", "First Packet")
        for words in ("^Raw packet data", "^Internet Protocol Version [46], Src: ", "^Internet Control Message"):
            self.main.wait("tree item", words)
        self.picture("packets")
        self.button("Stop")
        harness.wait_until(lambda: not self.xdptap(), "the end of xdptap")
        self.assertRegex(self.properties(), r"t0\s+0 \(0\.0%\)\s+none\s+Raw IP")

    def test_tun(self):
        self.make("tun")
        self.check_headerless()

    def test_wireguard(self):
        self.make("wireguard")
        self.check_headerless()

    def properties(self):
        self.menu("Statistics", "Capture File Properties")
        dialog = self.app.window("Capture File Properties")
        text = harness.wait_until(lambda: next((w.text for w in dialog.walk() if w.role == "text" and
                                                "Dropped" in w.text), None), "the properties")
        self.picture("properties")
        return re.sub("[\ufdd0\ufdd1\ufffc\u2029\xa0]+", " ", text)  # cells of a table

    def test_losses(self):
        """What was lost stands in the status bar. Wireshark shows isb_ifdrop in the file's properties, which
        is what the interface itself lost."""
        self.open("-o", "extcap.xdptap_near.buffersize:1", "-o", "extcap.xdptap_near.direction:in")
        self.double_click("near")
        pid = self.xdptap()
        os.kill(pid, signal.SIGSTOP)
        self.pair.send(3000, 1000)
        os.kill(pid, signal.SIGCONT)
        lost = int(re.search(r"(\d+) lost", self.wait_status("3000 seen"))[1])
        self.assertGreater(lost, 0)
        self.stop()
        self.assertRegex(self.properties(), r"near\s+\d+ \(\d+\.\d%\)")

    def test_toolbar(self):
        """Filter, pause and direction of a running capture."""
        self.open()
        bar = self.show_toolbar()
        self.double_click("near")
        field = bar.wait("text")
        self.pair.ping(2)
        self.packets(4)
        self.assertEqual(field.text, "")
        field.write("icmp[0] == 8")
        screen.key("Return")
        self.ping_until(4, 6)
        self.wait_status(f" {self.count()} kept, 0 lost")
        screen.fill(self.process.pid, 998, 538)  # for the README
        self.picture("filter")
        screen.fill(self.process.pid)
        bar.wait("check box", "^Pause$").click()
        self.wait_status("paused")
        seen = self.seen()
        self.pair.ping(5)
        harness.wait_until(lambda: self.seen() == seen + 10, "frames seen in the pause")
        self.picture("paused")
        shown = self.count()
        bar.wait("check box", "^Pause$").click()
        self.ping_until(shown, shown + 1)
        bar.wait("combo box", "both").click()
        screen.key("Home", "Return")  # received frames
        self.wait_log(bar, "received frames only")
        self.picture("log")
        self.stop()
        self.assertEqual(len([w for w in self.app.windows() if "Log" not in w.name]), 1, "a box")

    def seen(self):
        return int(re.search(r"(\d+) seen", self.wait_status("seen"))[1])

    def ping_until(self, before, count):
        """A change takes a moment: until a ping has added one packet and not two."""
        def settle():
            harness.wait_until(lambda: net.is_constant(self.count, 3, 0.4), "all packets to be shown")
            return self.count()

        def pinged():
            known = settle()
            self.pair.ping(1)
            return settle() == known + 1 and known + 1 >= count
        harness.wait_until(pinged, f"{count} packets, {before} before")
        now = self.count()
        self.pair.ping(3)
        self.packets(now + 3)

    def wait_log(self, bar, words):
        bar.wait("push button", "^Log$").click()
        log = self.app.window("Log")
        harness.wait_until(lambda: any(words in w.text for w in log.walk() if w.role == "text"),
                           f"{words} in the log")

    def test_wrong_filter(self):
        """Red with the reason, green when it is right, as Wireshark does for its own interfaces."""
        self.open()
        self.main.wait("tree item", "^XDP tap on near").click()
        field = self.main.wait("text", "^Capture filter entry$")
        field.write("tcp prot 80")
        self.wait_status("syntax error")
        self.wait_color(field, lambda red, green, blue: red > green + 5000 and red > blue + 5000)
        self.picture("red")
        field.write("tcp port 80")
        self.wait_color(field, is_green)

    def wait_color(self, field, is_right):
        def check():
            x, y, width, _ = field.box
            return is_right(*screen.color(x + width - 60, y + 3))
        harness.wait_until(check, "the field's color")

    def test_capture_filter(self):
        """The one of the list is in the toolbar too."""
        self.open()
        bar = self.show_toolbar()
        self.main.wait("tree item", "^XDP tap on near").click()
        field = self.main.wait("text", "^Capture filter entry$")
        field.write("icmp[0] == 0")
        self.wait_color(field, is_green)  # it is the interface's when it has been checked
        self.double_click("near")
        harness.wait_until(lambda: bar.find("text").text == "icmp[0] == 0", "the filter")
        self.pair.ping(3)
        self.packets(3)
        self.stop()

    def test_dialog(self):
        """What is set in the dialog reaches the capture."""
        self.open()
        cells = self.main.wait("tree").children
        place = next(n for n, c in enumerate(cells) if re.match("XDP tap on near", c.name))
        cells[place - 1].click()
        dialog = self.app.window("Interface Options: XDP tap on near")
        self.picture("dialog")
        tabs = [w.name for w in dialog.walk() if w.role == "page tab"]
        self.assertEqual(tabs[0], "Default")
        self.assertIn("Debug", tabs)
        next(w for w in dialog.walk() if w.role == "text" and w.text == "262144").write("64")
        dialog.wait("push button", "^Save$").click()
        harness.wait_until(lambda: len(self.app.windows()) == 1, "the dialog to close")
        self.double_click("near")
        pid = self.xdptap()
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            arguments = file.read().split("\0")
        self.assertEqual(arguments[arguments.index("--snaplen") + 1], "64")
        self.stop()


def is_green(red, green, blue):
    return green > red + 5000 and green > blue + 5000


def missing():
    if not desktop:
        return "needs python3-gi"
    return next((f"needs {tool}" for tool in desktop.TOOLS if not shutil.which(tool)), None)


if __name__ == "__main__":
    harness.main(missing)
