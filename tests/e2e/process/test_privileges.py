#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Privileges: an ordinary user captures with file capabilities, and once a capture runs, no capability is left."""
import os
import re
import shutil
import signal
import subprocess
from urllib.parse import unquote

import harness
import net
import sentences
from captures import Capture
from program import NOBODY, XDPTAP, Case, Wireshark, xdptap

CAPABILITIES = "cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon"
CAP_DAC_OVERRIDE, CAP_NET_ADMIN = 1 << 1, 1 << 12
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
UNSEEN = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")  # such a process cannot be inspected


def statuses(pid):
    """Returns the status of each of its threads."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            yield dict(re.findall(r"^(\w+):\s*(.*)$", file.read(), re.MULTILINE))


class PrivilegesCase(Case):
    def granted(self, capabilities=CAPABILITIES):
        """Returns a copy of the program with file capabilities that every user can execute."""
        program = self.everybodys()
        subprocess.run(["setcap", capabilities + "+ep", program], check=True)
        os.chmod(self.folder, 0o777)
        return program

    def assert_harmless(self, pid, is_root):
        """No capability is left, except the one that detaches tc programs on older kernels."""
        kept = 0 if net.has_tcx() else CAP_NET_ADMIN
        for status in statuses(pid):
            for name in SETS + (("CapBnd",) if is_root else ()):
                self.assertEqual(int(status[name], 16) & ~kept, 0, name)
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))

    def start_as_nobody(self, *options, file="out.pcapng"):
        program = self.granted()
        capture = self.enterContext(net.Process(
            [program, "-i", "near", "-w", self.path(file), *options], self.pair.near, user=NOBODY,
            env=UNSEEN))
        capture.wait_for("File: ")
        return capture


class Dropped(PrivilegesCase):
    def test_root(self):
        for options in ((), ("--point", "tc"), ("--netns", self.pair.near.name, "-Q", "in"),
                        ("--log-file", self.path("log"), "--log-level", "debug")):
            with self.subTest(options):
                capture = self.start(*options)
                self.assert_harmless(capture.pid, True)
                self.pair.send(2)
                capture.wait_packets(2)
                self.assertEqual(len(capture.finish().packets), 2)
                self.assert_free()
                os.unlink(capture.file)

    def test_fifo(self):
        extcap = self.extcap()
        extcap.open()
        self.assert_harmless(extcap.pid, True)
        extcap.finish()


class Files(PrivilegesCase):
    """Rotated files, which are created after the privileges are dropped."""

    def made(self, folder="."):
        """Returns the finished files, in order."""
        return sorted(name for name in os.listdir(self.path(folder)) if name.startswith("set_") and
                      not name.endswith(".part"))

    def rotate(self, capture, folder="."):
        """Sends frames for three files and one more, and returns what the files hold."""
        for number in range(3):
            sent = self.pair.send(2)
            harness.wait_until(lambda: len(self.made(folder)) >= number, "a file")
        self.pair.send(1)
        harness.wait_until(lambda: len(self.made(folder)) >= 3, "three files")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        self.assert_free()
        files = [self.path(f"{folder}/{name}") for name in self.made(folder)]
        self.assertEqual(len(files), 4)
        return files, sent

    def folder_of_nobody(self):
        os.mkdir(self.path("theirs"))
        os.chown(self.path("theirs"), NOBODY, NOBODY)

    def test_user(self):
        """Attaches everything as root; then the process and its files belong to that user."""
        self.folder_of_nobody()
        for compress in "none", "gzip":
            capture = self.start("-Z", "nobody", "-b", "packets:2", "--compress", compress,
                                 file="theirs/set", env=UNSEEN)
            for status in statuses(capture.pid):
                self.assertEqual({*status["Uid"].split(), *status["Gid"].split()}, {str(NOBODY)})
                self.assertEqual(status["Groups"].split(), [str(NOBODY)])
            self.assert_harmless(capture.pid, True)
            files, _ = self.rotate(capture, "theirs")
            for file in files:
                self.assertEqual(os.stat(file).st_uid, NOBODY)
                os.unlink(file)
        capture = self.start("--user", "nobody", file="theirs/one", env=UNSEEN)
        self.assert_harmless(capture.pid, True)
        self.assertEqual(os.stat(capture.file).st_uid, NOBODY)
        self.pair.send(1)
        capture.wait_packets(1)
        self.assertEqual(len(capture.finish().packets), 1)
        self.assert_free()

    def test_user_without_rights(self):
        for options in (), ("-b", "packets:2"):
            with self.subTest(options):
                with open(self.path("old"), "wb") as file:
                    file.write(b"dear")
                os.chmod(self.path("old"), 0o644)
                for name in "old", "new":
                    status, _, err = xdptap("-i", "near", "-Z", "nobody", "-w", self.path(name), *options,
                                            namespace=self.pair.near, env=UNSEEN)
                    self.assertEqual(status, 1)
                    self.assert_last_sentence(err, self.path(name))
                self.assert_free()
                self.assertEqual(os.listdir(self.folder), ["old"])
                self.assertEqual(os.path.getsize(self.path("old")), 4)

    def test_wrong_user(self):
        for user, options in (("nobody-at-all", {}), ("nobody", {"user": NOBODY})):
            status, _, err = xdptap("-i", "near", "-Z", user, "-w", "/dev/null",
                                    namespace=self.pair.near, **options)
            self.assertEqual(status, 2)
            self.assert_sentence(err, user)

    def test_folder_of_others(self):
        """Root keeps the one capability that writing there requires, and only then."""
        self.folder_of_nobody()
        capture = self.start("-b", "packets:2", file="theirs/set")
        for status in statuses(capture.pid):
            self.assertEqual(int(status["CapEff"], 16) & ~CAP_NET_ADMIN, CAP_DAC_OVERRIDE)
            self.assertEqual(int(status["CapPrm"], 16) & ~CAP_NET_ADMIN, CAP_DAC_OVERRIDE)
            self.assertEqual(status["Seccomp"], "2")
        self.rotate(capture, "theirs")
        capture = self.start("-b", "packets:2", file="set")
        self.assert_harmless(capture.pid, True)
        self.rotate(capture)

    def test_commands(self):
        """Commands run with the rights that xdptap was started with, or with those of --user."""
        self.folder_of_nobody()
        script = self.path("script")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ngrep -E '^(Uid|CapEff|Seccomp)' /proc/self/status >{self.folder}"
                       "/theirs/said\n")
        os.chmod(script, 0o755)
        with open("/proc/self/status", encoding="utf-8") as file:
            ours = re.search(r"CapEff:\s*(\w+)", file.read())[1]
        for options, rights in (((), ("0", ours, "0")), (("-Z", "nobody"), (str(NOBODY), "0" * 16, "0"))):
            with self.subTest(options):
                capture = self.start("-c", "1", "-b", "packets:2", "--post-rotate", script, *options,
                                     file="theirs/set", env=UNSEEN)
                for status in statuses(capture.pid):
                    self.assertEqual(int(status["CapEff"], 16) & ~CAP_NET_ADMIN & ~CAP_DAC_OVERRIDE, 0)
                self.pair.send(1)
                self.assertEqual(capture.wait(), 0, capture.text())
                with open(self.path("theirs/said"), encoding="utf-8") as file:
                    said = dict(re.findall(r"(\w+):\s*(\S+)", file.read()))
                self.assertEqual((said["Uid"], said["CapEff"], said["Seccomp"]), rights)
                os.unlink(self.path("theirs/said"))


class Ordinary(PrivilegesCase):
    """A user, and a program with file capabilities."""

    def test_standalone(self):
        capture = self.start_as_nobody()
        self.assert_harmless(capture.pid, False)
        objects = net.bpf_objects(capture.pid)
        self.assertEqual(self.pair.near.link("near")["promiscuity"], 1)
        sent = self.pair.send(3)
        harness.wait_until(lambda: os.path.getsize(self.path("out.pcapng")) > 600, "packets")
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        self.assertEqual(Capture(self.path("out.pcapng")).data(), sent)
        self.assertEqual(os.stat(self.path("out.pcapng")).st_uid, NOBODY)
        self.assert_free()
        self.assert_unloaded(objects)

    def test_wireshark(self):
        """tshark lists, captures and stops as that user."""
        wireshark = Wireshark(self.path("nobody"), self.granted())
        wireshark.env["ASAN_OPTIONS"] = UNSEEN["ASAN_OPTIONS"]
        wireshark.give_to(NOBODY)
        status, out, err = wireshark.run("-D", namespace=self.pair.near, user=NOBODY)
        self.assertEqual(status, 0, err)
        self.assertIn(b"xdptap-near", out)
        file = wireshark.temporary + "/out.pcapng"
        with wireshark.tshark("-i", "xdptap-near", "-w", file, namespace=self.pair.near,
                              user=NOBODY) as tshark:
            self.wait_attached()
            sent = self.pair.send(5)
            harness.wait_until(lambda: os.path.exists(file) and os.path.getsize(file) > 900,
                               "packets")
            program, = (child for child in net.children(tshark.pid)
                        if net.stat(child).name == "xdptap")
            self.assert_harmless(program, False)
            tshark.signal()
            self.assertEqual(tshark.wait(), 0, tshark.text())
            self.assertNotIn(b"xdptap: ", tshark.stderr())
        self.assertEqual([p.data for p in Capture(file).packets], sent)
        self.assert_free()
        self.assert_gone(program)

    def test_only_the_output_is_written(self):
        """Files are opened with the user's own rights, whatever the environment contains."""
        program = self.granted()
        env = {"TMPDIR": self.folder, "HOME": self.folder, "G_MESSAGES_DEBUG": "all",
               "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": self.path("ld"),
               "MALLOC_TRACE": self.path("trace")}
        before = set(os.listdir(self.folder))
        with net.Process(["env", *(f"{name}={value}" for name, value in env.items()), program, "-i",
                          "near", "-w", self.path("out.pcapng"), "-c", "1", "--log-file",
                          self.path("log")], self.pair.near, user=NOBODY, env=UNSEEN) as capture:
            capture.wait_for("File: ")
            self.pair.send(1)
            self.assertEqual(capture.wait(), 0, capture.text())
            self.assertEqual(len(capture.stderr().splitlines()), 5, capture.text())
        self.assertEqual(set(os.listdir(self.folder)) - before, {"out.pcapng", "log"})

    def test_others_files(self):
        program = self.granted()
        os.mkdir(self.path("roots"))
        os.chmod(self.path("roots"), 0o755)
        with open(self.path("roots/old"), "wb") as file:
            file.write(b"dear")
        for options, word in ((("-w", self.path("roots/new")), "roots/new"),
                              (("-w", self.path("roots/old")), "roots/old"),
                              (("-w", "/dev/null", "--log-file", self.path("roots/old")), "roots/old"),
                              (("-w", "/dev/null", "--netns", "1"), "namespace"),
                              (("-w", "/dev/null", "--netns", self.pair.far.name), "cap_sys_admin")):
            with self.subTest(options), net.Process(
                    [program, "-i", "near", *options], self.pair.near, user=NOBODY,
                    env=UNSEEN) as process:
                self.assertEqual(process.wait(), 1, process.text())
                self.assert_sentence(process.stderr(), word)
        self.assertEqual(os.listdir(self.path("roots")), ["old"])
        with open(self.path("roots/old"), "rb") as file:
            self.assertEqual(file.read(), b"dear")


class Missing(PrivilegesCase):
    def test_named(self):
        """The error names each missing capability and no other, and the command that grants them to this file."""
        for given, said in ((("net_raw",), "cap_net_admin, cap_bpf and cap_perfmon are missing"),
                            (("net_admin", "perfmon"), "cap_bpf is missing"),
                            (("bpf", "perfmon"), "cap_net_admin is missing"),
                            (("net_admin", "bpf"), "cap_perfmon is missing")):
            program = self.granted(",".join("cap_" + name for name in given))
            link = self.path("a link")
            if not os.path.islink(link):
                os.symlink(program, link)
            with self.subTest(given), net.Process(
                    [link, "-i", "near", "-w", self.path("x")], self.pair.near, user=NOBODY,
                    env=UNSEEN) as process:
                harness.wait_until(lambda: process.has_ended() or b"File" in process.stderr(),
                                   "an end, or a beginning")
                if not process.has_ended() and "perfmon" not in given:
                    os.unlink(self.path("x"))  # which some kernels do not require
                    break
                self.assertEqual(process.wait(), 1, process.text())
                self.assert_sentence(process.stderr(), said, f"setcap {CAPABILITIES}+ep {program}")
            self.assertFalse(os.path.exists(self.path("x")))
            self.assert_free()

    def test_of_no_effect(self):
        """The file has capabilities, but no_new_privs withholds them."""
        program = self.granted()
        with net.Process(["setpriv", "--no-new-privs", program, "-i", "near", "-w", self.path("x")],
                         self.pair.near, user=NOBODY, env=UNSEEN) as process:
            self.assertEqual(process.wait(), 1, process.text())
            self.assert_sentence(process.stderr(), "cap_bpf", "no_new_privs", "nosuid")

    def test_without_promiscuous_mode(self):
        program = self.granted("cap_net_admin,cap_bpf,cap_perfmon")
        with net.Process([program, "-i", "near", "-w", self.path("x"), "-c", "1", "--log-file",
                          self.path("log")], self.pair.near, user=NOBODY, env=UNSEEN) as process:
            process.wait_for("File: ")
            self.pair.send(1)
            self.assertEqual(process.wait(), 0, process.text())
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertIn("cannot enable promiscuous mode", file.read())


class Setup(PrivilegesCase):
    def test_help(self):
        """Wireshark gets the address of a page that also has these commands."""
        sentence, = sentences.named(xdptap("--extcap-interfaces")[1], "extcap")
        self.assertRegex(sentence["help"], "^file:///")
        with open(unquote(sentence["help"][len("file://"):]), encoding="utf-8") as file:
            page = file.read()
        self.assertIn(f"setcap {CAPABILITIES}+ep", page)
        self.assertIn("--snaplen", page)
        program = self.everybodys()  # which has no page next to it
        sentence, = sentences.named(xdptap("--extcap-interfaces", executable=program)[1], "extcap")
        self.assertNotIn("help", sentence)

    def test_links(self):
        """--setup prints a link for a Wireshark that does not find this program: here one of 4.6 or later."""
        program = self.everybodys()
        folder = "/usr/libexec/wireshark/extcap"
        for link, times in (("true", 1), (f"ln -s {program} {folder}/xdptap", 0)):
            with self.subTest(link):
                script = subprocess.run(
                    ["unshare", "--mount", "sh", "-ec", f"mount -t tmpfs none /usr/libexec; mkdir -p {folder}; "
                     f"{link}; {program} --setup"], check=True, stdout=subprocess.PIPE, text=True).stdout
                self.assertEqual(script.count(f"ln -sf {program} {folder}/xdptap\n"), times, script)

    def test_lines(self):
        """--setup prints a script that grants the capabilities."""
        program = self.everybodys()
        status, script, err = xdptap("--setup", executable=program)
        self.assertEqual((status, err), (0, b""))
        for line in ("groupadd -f -r wireshark", f"chown root:wireshark {program}",
                     f"chmod 750 {program}", f"setcap {CAPABILITIES}+ep {program}"):
            self.assertIn(line, script.decode().splitlines())
        commands = [line.split() for line in script.decode().splitlines()
                    if line and not line.startswith("#")]
        for command in commands:
            self.assertTrue(shutil.which(command[0]), command)
        for command in commands[1:4]:  # without the group, which may not exist here
            subprocess.run([word.replace("wireshark", str(NOBODY)) for word in command], check=True)
        with net.Process([program, "-i", "near", "-w", "/dev/null"], self.pair.near, user=NOBODY,
                         env=UNSEEN) as process:
            process.wait_for("File: ")
            process.signal()
            self.assertEqual(process.wait(), 0)


if __name__ == "__main__":
    harness.main()
