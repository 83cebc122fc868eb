#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs the Debian packages, and with meson install, into a throw-away copy of this machine's root.
Both work for an ordinary user and leave nothing when they are removed."""
import glob
import os
import re
import stat
import subprocess
import tempfile
import unittest

import harness
import net
from captures import Capture
from program import NOBODY

SOURCE, BUILD = os.environ["SOURCE"], os.environ["BUILD"]
EXPLAINED = {
    # The program tells Wireshark where the page is, and has to work without /usr/share/doc.
    "package-contains-documentation-outside-usr-share-doc",
}
# What dpkg and addgroup keep for themselves, and what every package may leave.
TRACES = re.compile(r"/(var/(lib/dpkg|log|cache|lib/doc-base)|etc/(\.pwd\.lock|group|gshadow|ld\.so\.cache)|tmp|run)\b")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}: {done.stdout[-3000:]}")
    return done.stdout


def is_mounted(path):
    """Unlike os.path.ismount(), also if it is of the same file system."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return any(mount.split()[4] == path for mount in mounts)


class Root:
    """An overlay on this machine's root that holds all changes."""

    def __init__(self, folder):
        self.layer = os.path.join(folder, "layer")
        self.path = os.path.join(self.layer, "root")
        self.mounted = []

    def __enter__(self):
        os.mkdir(self.layer)
        try:
            self.mount(self.layer, "-t", "tmpfs", "none")
            for name in "changed", "work", "root":
                os.mkdir(os.path.join(self.layer, name))
            self.mount(self.path, "-t", "overlay", "none", "-o",
                       f"lowerdir=/,upperdir={self.layer}/changed,workdir={self.layer}/work")
            for name in "proc", "sys", "dev", "run":
                self.mount(f"{self.path}/{name}", "--rbind", "/" + name)
                subprocess.run(["mount", "--make-rslave", f"{self.path}/{name}"], check=True)
            if is_mounted(SOURCE):  # as in tests/debian/enter; else the overlay has it
                self.mount(self.path + SOURCE, "--bind", SOURCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def mount(self, place, *options):
        subprocess.run(["mount", *options, place], check=True)
        self.mounted.append(place)

    def __exit__(self, *_):
        while self.mounted:
            subprocess.run(["umount", "-R", "-l", self.mounted.pop()], check=True)

    def run(self, *command):
        return run("chroot", self.path, *command, cwd="/",
                   env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))

    def changes(self):
        """Paths of new and changed files and folders."""
        top = os.path.join(self.layer, "changed")
        found = set()
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                path = os.path.join(folder, name)
                inside = path[len(top):]
                is_hidden = stat.S_ISCHR(os.lstat(path).st_mode)  # removed, if it was below
                is_old_folder = os.path.isdir(path) and os.path.isdir(inside)
                if not (is_hidden or is_old_folder or TRACES.match(inside) or
                        inside.startswith(BUILD)):
                    found.add(inside)
        return found


class PackageCase(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))
        os.chmod(self.folder, 0o755)
        self.root = self.enterContext(Root(self.folder))
        self.pair = self.enterContext(net.Pair())

    def inside(self, *command, groups=(), **options):
        """A process of an ordinary user in the new root, in the namespace near."""
        return self.enterContext(net.Process(
            ["chroot", self.root.path, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
             "--groups=" + ",".join(groups) if groups else "--clear-groups", "--inh-caps=-all",
             "env", "HOME=/tmp", *command], self.pair.near, **options))

    def check_capture(self, *groups):
        """Captures with the user's tshark, which finds the extcap by itself."""
        listing = self.inside("tshark", "-D", groups=groups)
        self.assertEqual(listing.wait(), 0, listing.text())
        self.assertIn(b"xdptap-near", listing.stdout())
        self.root.run("install", "-d", "-m", "777", "/tmp/captures")
        tshark = self.inside("tshark", "-i", "xdptap-near", "-c", "3", "-w", "/tmp/captures/file",
                             groups=groups)
        harness.wait_until(lambda: tshark.has_ended() or self.pair.near.xdp(), "a program")
        self.assertFalse(tshark.has_ended(), tshark.text())
        sent = self.pair.send(3)
        self.assertEqual(tshark.wait(), 0, tshark.text())
        capture = Capture(self.root.path + "/tmp/captures/file")
        self.assertEqual(capture.data(), sent)

    def check_library(self):
        """Compiles an example of libxdptap with what is installed, and runs it."""
        self.root.run("sh", "-c", "cc /usr/share/doc/libxdptap-dev/examples/hexdump.c "
                      "$(pkg-config --cflags --libs xdptap) -o /tmp/hexdump")
        program = self.enterContext(net.Process(["chroot", self.root.path, "/tmp/hexdump", "near"], self.pair.near))
        harness.wait_until(lambda: program.has_ended() or self.pair.near.xdp(), "a program")
        frame, = self.pair.send(1)
        harness.wait_until(lambda: program.has_ended() or
                           frame.hex() in re.sub(r"[^0-9a-f]", "", program.stdout().decode()), "the frame")
        self.assertFalse(program.has_ended(), program.text())
        for section, page in ("1", "xdptap"), ("3", "xdptap"), ("3", "pcapng-writer"):
            self.assertTrue(glob.glob(f"{self.root.path}/usr/share/man/man{section}/{page}.{section}*"), page)
        program.signal()
        program.wait()

    def assert_page(self, program):
        words = re.search(r"\{help=file://([^}]+)\}",
                          self.root.run(program, "--extcap-interfaces"))
        self.assertTrue(words)
        self.assertTrue(os.path.isfile(self.root.path + words[1]))


class Debian(PackageCase):
    @classmethod
    def setUpClass(cls):
        cls.made = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="xdptap-test-"))
        run(SOURCE + "/.debian/build", cls.made)
        cls.packages = sorted(glob.glob(cls.made + "/*.deb"))

    def test_lintian(self):
        said = run("lintian", "--display-info", "--fail-on=error,warning", *self.packages)
        tags = set(re.findall(r"^[EWIP]: \S+: (\S+)", said, re.MULTILINE))
        self.assertEqual(tags, EXPLAINED, said)

    def test_life(self):
        """Installs, uses, installs again, and purges."""
        packages = [self.root.path + package for package in self.packages]
        os.makedirs(self.root.path + self.made, exist_ok=True)
        for package, copy in zip(self.packages, packages):
            run("cp", package, copy)
        before = self.root.changes()
        for _ in range(2):
            self.root.run("dpkg", "-i", *self.packages)
            program = self.root.path + "/usr/bin/xdptap"
            status = os.stat(program)
            self.assertEqual(stat.S_IMODE(status.st_mode), 0o750)
            self.assertEqual(self.root.run("stat", "-c", "%U:%G", "/usr/bin/xdptap"),
                             "root:wireshark\n")
            self.assertIn("cap_bpf", run("getcap", program))
        self.check_capture("wireshark")
        for place in "lib/*", "libexec":  # where Wireshark looks up to 4.4, and from 4.6 on
            link, = glob.glob(f"{self.root.path}/usr/{place}/wireshark/extcap/xdptap")
            self.assertEqual(os.path.realpath(link), program)
        self.assert_page("/usr/bin/xdptap")
        stranger = self.inside("xdptap", "--version")
        self.assertNotEqual(stranger.wait(), 0)
        listing = self.inside("tshark", "-D")
        self.assertEqual(listing.wait(), 0)
        self.assertNotIn(b"xdptap", listing.stdout())
        self.check_library()
        self.root.run("dpkg", "--purge", "xdptap", "libpcapng-writer-dev", "libpcapng-writer0",
                      "libxdptap-dev", "libxdptap0")
        self.assertEqual(self.root.changes() - before, set())

    def test_overridden(self):
        """An administrator's dpkg-statoverride is kept."""
        os.makedirs(self.root.path + self.made, exist_ok=True)
        package, = (p for p in self.packages if "/xdptap_" in p)
        run("cp", package, self.root.path + package)
        self.root.run("dpkg-statoverride", "--add", "root", "nogroup", "0700", "/usr/bin/xdptap")
        self.root.run("dpkg", "-i", package)
        program = self.root.path + "/usr/bin/xdptap"
        self.assertEqual(stat.S_IMODE(os.stat(program).st_mode), 0o700)
        self.assertEqual(run("getcap", program), "")


class Meson(PackageCase):
    def test_life(self):
        """Installs below /usr/local, follows the instructions printed, uses and uninstalls it."""
        before = self.root.changes()
        # To a file, where Meson's own lines must not overwrite ours.
        install = 'meson install -C "$0" --no-rebuild >/tmp/said && cat /tmp/said'
        said = self.root.run("env", "-u", "PYTHONUNBUFFERED", "sh", "-c", install, BUILD)
        for place in "lib/*", "libexec":
            self.assertTrue(glob.glob(f"{self.root.path}/usr/local/{place}/wireshark/extcap"), place)
        self.assertIn("setcap cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon+ep "
                      "/usr/local/bin/xdptap\n", said)
        for place in ("lib/*/libxdptap.so.0", "lib/*/libxdptap.a", "lib/*/pkgconfig/xdptap.pc", "include/xdptap/tap.h",
                      "share/man/man3/xdptap.3", "share/doc/libxdptap/examples/hexdump.c"):
            self.assertTrue(glob.glob(f"{self.root.path}/usr/local/{place}"), place)
        self.root.run("sh", "-c", "xdptap --setup | sh")
        self.assert_page("/usr/local/bin/xdptap")
        links = [link for place in ("lib", "lib/*", "lib64", "libexec")
                 for link in glob.glob(f"{self.root.path}/usr/{place}/wireshark/extcap/xdptap")]
        self.assertTrue(links, "Debian's Wireshark does not look below /usr/local")
        self.check_capture("wireshark")
        self.assertNotIn("ln -s", self.root.run("xdptap", "--setup"))
        for link in links:
            os.unlink(link)
        self.root.run("ninja", "-C", BUILD, "uninstall")
        self.assertEqual(self.root.changes() - before, set())


if __name__ == "__main__":
    harness.main()
