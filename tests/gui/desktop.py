# SPDX-License-Identifier: MIT
"""A virtual X server, and its windows as a screen reader sees them.

Widgets are found by their role and name through AT-SPI, and clicked where they say they are. Screenshots
are for people only.
"""
import os
import re
import signal
import subprocess
import time

from gi.repository import Gio, GLib

from harness import wait_until
from net import Process

ROOT = "/org/a11y/atspi/accessible/root"
BUS = "org.freedesktop.DBus"
LAUNCHER = "/usr/libexec/at-spi-bus-launcher"  # the session bus knows where it is, too
TOOLS = ("Xvfb", "openbox", "dbus-daemon", "xdotool", "xprop", "import", "wireshark", LAUNCHER)
CHECKED, FOCUSED, SHOWING = 4, 12, 25  # bits of a state: AT-SPI's enum StateType
SCREEN = 0                # coordinates: enum CoordType
NO_MENUS = ("menu bar", "menu", "popup menu")


class Desktop:
    """with Desktop(folder) as desktop: one for a process, because its environment is changed."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.bus = None

    def __enter__(self):
        runtime = os.path.join(self.folder, "runtime")
        os.mkdir(runtime, 0o700)
        os.environ.update(XDG_RUNTIME_DIR=runtime, LC_ALL="C.UTF-8", QT_ACCESSIBILITY="1",
                          QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1", NO_AT_BRIDGE="0")
        # Without -noreset it forgets AT_SPI_BUS when its last client goes, as long as openbox is not there.
        server = self.start("Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp",
                            "-noreset")
        os.environ["DISPLAY"] = ":" + wait_until(server.stdout, "the X server").decode().strip()
        # a path, which is there in any network namespace
        bus = self.start("dbus-daemon", "--session", "--nofork", "--print-address=1",
                         f"--address=unix:path={runtime}/bus")
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = wait_until(
            lambda: b"\n" in bus.stdout() and bus.stdout(), "the bus").decode().strip()
        self.start("openbox", "--sm-disable")
        # The session bus starts that of accessibility at the first call; what a program of ours starts
        # before it answers is never heard.
        wait_until(lambda: self.call(BUS, "/", BUS + ".ListNames"), "the bus of accessibility")
        for wish in "IsEnabled", "ScreenReaderEnabled":
            Gio.bus_get_sync(Gio.BusType.SESSION).call_sync(
                "org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set",
                GLib.Variant("(ssv)", ("org.a11y.Status", wish, GLib.Variant("b", True))), None, 0, -1,
                None)
        # Where Qt 5 does not find it, it registers its objects before it is connected, and they are lost.
        wait_until(lambda: subprocess.check_output(["xprop", "-root", "AT_SPI_BUS"]).find(b"unix:path") > 0,
                   "the address of the bus of accessibility on the X server")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.__exit__()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            self.end_if_ours(int(pid))

    def end_if_ours(self, pid):
        """The bus of accessibility does not end with what started it."""
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().find(self.folder.encode() + b"/runtime/at-spi/") >= 0:
                    os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def start(self, *command):
        process = Process(list(command))
        self.processes.append(process)
        return process

    def picture(self, path):
        subprocess.run(["import", "-window", "root", path], check=True)

    def fill(self, pid, width=1278, height=778):
        """The window of a process over the whole screen, or a part of it."""
        window = wait_until(lambda: subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(pid), "--name", "."],
            stdout=subprocess.PIPE, check=False).stdout.split(), "its window")[0].decode()
        self.xdotool("windowsize", "--sync", window, width, height, "windowmove", window, 0, 0)

    def color(self, x, y):
        """(red, green, blue) of a pixel."""
        text = subprocess.run(["import", "-window", "root", "-crop", f"1x1+{x}+{y}", "txt:-"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        return tuple(int(number) for number in re.search(r"\((\d+),(\d+),(\d+)", text).groups())

    def call(self, name, path, method, signature="()", *arguments):
        """The values that a method on the bus of accessibility returns; None where nobody answers."""
        interface, _, member = method.rpartition(".")
        flags = Gio.DBusConnectionFlags
        try:
            if not self.bus:
                session = Gio.bus_get_sync(Gio.BusType.SESSION)
                address, = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus",
                                             "GetAddress", None, None, 0, -1, None)
                self.bus = Gio.DBusConnection.new_for_address_sync(
                    address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
            return self.bus.call_sync(name, path, interface, member,
                                      GLib.Variant(signature, arguments), None, 0, -1, None).unpack()
        except GLib.Error:
            return None

    def find_name(self, pid):
        """Of a program on the bus."""
        names, = self.call(BUS, "/", BUS + ".ListNames") or ([],)
        return next((name for name in names if name.startswith(":") and self.call(
            BUS, "/", BUS + ".GetConnectionUnixProcessID", "(s)", name) == (pid,)), None)

    def xdotool(self, *arguments):
        subprocess.run(["xdotool", *map(str, arguments)], check=True)

    def key(self, *keys):
        self.xdotool("key", "--delay", 20, *keys)

    def type(self, text):
        self.xdotool("type", "--delay", 5, text)


class Widget:
    """What is left of one that is gone says nothing: empty texts, no children."""

    def __init__(self, desktop, name, path):
        self.desktop, self.bus_name, self.path = desktop, name, path

    def ask(self, method, default, signature="()", *arguments):
        answer = self.desktop.call(self.bus_name, self.path, "org.a11y.atspi." + method, signature,
                                   *arguments)
        return default if answer is None else answer[0]

    @property
    def role(self):
        return self.ask("Accessible.GetRoleName", "")

    @property
    def name(self):
        answer = self.desktop.call(self.bus_name, self.path, "org.freedesktop.DBus.Properties.Get",
                                   "(ss)", "org.a11y.atspi.Accessible", "Name")
        return answer[0] if answer else ""

    @property
    def text(self):
        """Of one that can be edited, or read as a text."""
        return self.ask("Text.GetText", "", "(ii)", 0, -1)

    @property
    def children(self):
        return [Widget(self.desktop, *place) for place in self.ask("Accessible.GetChildren", [])]

    def has(self, state):
        low, high = self.ask("Accessible.GetState", (0, 0))
        return (high << 32 | low) >> state & 1

    @property
    def is_showing(self):
        return self.has(SHOWING)

    @property
    def is_checked(self):
        return self.has(CHECKED)

    def walk(self, skip=NO_MENUS):
        """All that is inside, without what is in menus."""
        for child in self.children:
            yield child
            if child.role not in skip:
                yield from child.walk(skip)

    def child(self, role, name=""):
        """Without a look at what is deeper: a list of packets has many cells."""
        return next((w for w in self.children if w.role == role and re.search(name, w.name)), None)

    def find(self, role, name=None, **options):
        """The first of that role whose name matches, or None."""
        for widget in self.walk(**options):
            if widget.role == role and (name is None or re.search(name, widget.name)):
                return widget
        return None

    def wait(self, role, name=None, **options):
        return wait_until(lambda: self.find(role, name, **options), f"a {role} \"{name}\"")

    @property
    def box(self):
        """x, y, width, height on the screen."""
        return self.ask("Component.GetExtents", (0, 0, 0, 0), "(u)", SCREEN)

    def click(self, times=1):
        wait_until(lambda: self.box[2] > 0 and self.box[3] > 0, f"{self.role} {self.name} on the screen")
        x, y, width, height = self.box
        self.desktop.xdotool("mousemove", x + width // 2, y + height // 2, "click", "--repeat", times,
                             "--delay", 50, 1)

    def press(self):
        """Without the mouse, as for a menu item that is not open."""
        self.ask("Action.DoAction", False, "(i)", 0)

    def write(self, text):
        """Typed in the place of what is there, when it has the keyboard: a click takes its time."""
        def focus():
            self.click()
            return any(self.has(FOCUSED) or time.sleep(0.05) for _ in range(40))
        wait_until(focus, f"the keyboard for {self.role} {self.name}")
        self.desktop.key("ctrl+a", "BackSpace")
        if text:
            self.desktop.type(text)
        wait_until(lambda: self.text == text, f"\"{text}\" in {self.role} {self.name}")


class Application(Widget):
    """A program on the desktop."""

    def window(self, title):
        return wait_until(lambda: next((w for w in self.children if re.search(title, w.name) and
                                        w.is_showing), None), f"the window \"{title}\"")

    def windows(self):
        return [w for w in self.children if w.is_showing]

    def wait_alive(self, seconds=5):
        """Its main loop answers in time: the window does not stand still."""
        before = time.monotonic()
        self.windows()
        took = time.monotonic() - before
        if took > seconds:
            raise AssertionError(f"the window stood still for {took:.1f} s")


def find_application(desktop, pid):
    """That of a process, when it has a window."""
    def find():
        name = desktop.find_name(pid)
        application = name and Application(desktop, name, ROOT)
        return application if application and application.windows() else None
    return wait_until(find, f"process {pid} on the bus of accessibility")
