#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Only the frames of some processes, and those of a command: each frame of theirs, and none of another."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys

import harness
import net
from captures import Capture
from owners import PORT, PRELUDE, TCP, UDP, OwnersCase, cgroup_root
from program import XDPTAP, xdptap

COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "extcap", "xdptap.bash")

# Sends and receives a datagram whenever it is told to; and so do its children, each with a port of its own.
ASKS = f"""
with open("/proc/self/comm", "w") as file:
    file.write(sys.argv[1] if len(sys.argv) > 1 else "NAME")
def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
        s.recv(8)
        return s.getsockname()[1]
while hear() == "ask":
    port = ask()
    pid = os.fork()
    if not pid:
        say(port=ask(), pid=os.getpid(), parent=port)
        os._exit(0)
    os.waitpid(pid, 0)
"""


class OwnerFilter(OwnersCase):
    def setUp(self):
        super().setUp()
        self.answer_datagrams()

    def asking(self, name, **process):
        return self.python(ASKS.replace("NAME", name), **process)

    @staticmethod
    def ask(*scripts):
        """Lets each of them and a child ask: the ports that they and their children had."""
        parents, children = [], []
        for script in scripts:
            script.tell("ask")
            words = script.hear()
            parents.append(words["parent"])
            children.append(words["port"])
        return parents, children

    def ports(self, capture):
        frames = self.owned(capture)
        both = [f.source if f.is_sent else f.target for f in frames if f.protocol == UDP]
        self.assertEqual(len(both), len(frames), frames)
        self.assertEqual(sorted(both), sorted(2 * list(set(both))))  # the question and the answer
        return set(both)

    def test_pid(self):
        one, other = self.asking("one"), self.asking("other")
        capture = self.start("--pid", str(one.pid))
        parents, _ = self.ask(one, other)
        self.assertEqual(self.ports(capture), {parents[0]})

    def test_children(self):
        one, other = self.asking("one"), self.asking("other")
        capture = self.start("--pid", str(one.pid), "--children")
        parents, children = self.ask(one, other)
        self.assertEqual(self.ports(capture), {parents[0], children[0]})

    def test_older_children(self):
        """A grandchild that was there before the capture."""
        child = f"import subprocess,sys; sys.exit(subprocess.call([sys.executable, '-c', {PRELUDE + ASKS!r}, 'young']))"
        one = self.python(child)
        harness.wait_until(lambda: net.children(one.pid), "a child")
        capture = self.start("--pid", str(one.pid), "--children")
        parents, children = self.ask(one)
        self.assertEqual(self.ports(capture), {parents[0], children[0]})

    def test_name(self):
        one, other = self.asking("one of these"), self.asking("one of those")
        capture = self.start("--process-name", "one of these", "--process-name", "nobody")
        parents, children = self.ask(one, other)
        self.assertEqual(self.ports(capture), {parents[0], children[0]})  # a child has its parent's name

    def test_uid(self):
        one, other = self.asking("one"), self.asking("other", user=65534)
        capture = self.start("--uid", pwd.getpwuid(65534).pw_name)
        parents, children = self.ask(one, other)
        self.assertEqual(self.ports(capture), {parents[1], children[1]})

    def test_all_must_match(self):
        one, other = self.asking("same"), self.asking("same", user=65534)
        capture = self.start("--process-name", "same", "--uid", "65534", "-f", f"udp port {PORT}", "--point", "tc")
        parents, children = self.ask(one, other)
        self.assertEqual(self.ports(capture), {parents[1], children[1]})

    def test_cgroup(self):
        root = cgroup_root()
        outer = f"{root}/xdptap-{os.getpid()}.slice"
        inner = outer + "/asks.service"
        try:
            os.makedirs(inner)
        except OSError as error:
            self.skipTest(f"this machine lets nobody make control groups: {error}")
        self.addCleanup(os.rmdir, outer)
        self.addCleanup(os.rmdir, inner)
        # Not by its path in the file system: "ip netns exec" hides that hierarchy.
        for option in (("--cgroup", os.path.basename(outer)), ("--cgroup", os.path.relpath(inner, root)),
                       ("--cgroup", "asks.service"), ("--unit", "asks.service"), ("--unit", "asks"),
                       ("--unit", os.path.basename(outer))):
            with self.subTest(option=option):
                one, other = self.asking("one"), self.asking("other")
                with open(inner + "/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(one.pid))
                capture = self.start(*option, file="cgroup.pcapng")
                parents, children = self.ask(one, other)
                frames = self.owned(capture)
                self.assertEqual({f.source if f.is_sent else f.target for f in frames},
                                 {parents[0], children[0]})
                self.assertIn("unit asks.service", frames[0].comments[0])
                for script in (one, other):
                    script.popen.stdin.close()
                    script.wait()

    def test_bad(self):
        for words, said in ((["--pid", "0"], "--pid"), (["--pid", "x"], "--pid"), (["--uid", "no such"], "no user"),
                            (["--cgroup", "no/such"], "control group"), (["--unit", "no-such"], "--unit"),
                            (["--unit", "a/b"], "--cgroup"), (["--unit", "a", "--cgroup", "b"], "use one of them"),
                            (["--children"], "--children requires"),
                            (["--pid", "1", "--point", "drop"], "require --point"),
                            (["--process", "--format", "pcap"], "--process needs")):
            status, _, err = xdptap("-i", "near", "-w", self.path("out"), *words, namespace=self.pair.near)
            self.assertIn(status, (1, 2), words)
            self.assert_sentence(err, said)


class Completion(OwnersCase):
    def setUp(self):
        super().setUp()
        if not os.path.exists("/dev/fd"):
            self.skipTest("this machine has no /dev/fd, which bash reads the words from")

    @staticmethod
    def complete(*words):
        """What bash offers for the last word."""
        script = ('source "$0"; program=$1; shift; COMP_WORDS=(xdptap "$@"); COMP_CWORD=$#; '
                  '_xdptap "$program"; printf "%s\n" "${COMPREPLY[@]}"')
        return subprocess.check_output(["bash", "-c", script, COMPLETION, XDPTAP, *words], text=True).split()

    def test_options(self):
        for option in ("--process", "--process-name", "--pid", "--uid", "--cgroup", "--unit", "--children",
                       "--tls-keylog"):
            self.assertIn(option, self.complete(option))
        self.assertEqual(self.complete("--process-n"), ["--process-name"])

    def test_values(self):
        script = self.python("""
with open("/proc/self/comm", "w") as file:
    file.write("asks")
say(done=True)
hear()
""")
        script.hear()
        self.assertIn(str(script.pid), self.complete("--pid", str(script.pid)[:-1]))
        self.assertEqual(self.complete("--process-name", "=", "ask"), ["asks"])
        self.assertEqual(self.complete("--uid", "nobod"), ["nobody"])
        self.assertIn("keys.log", self.complete_file("keys.log", "--tls-keylog"))

    def complete_file(self, name, option):
        with open(self.path(name), "w", encoding="ascii"):
            pass
        return [os.path.basename(path) for path in self.complete(option, self.path("key"))]


class Command(OwnersCase):
    """xdptap -w FILE -- COMMAND."""

    def setUp(self):
        super().setUp()
        self.answer_datagrams()
        self.file = self.path("out.pcapng")

    def run_command(self, *command, options=(), **process):
        """(status, stdout, stderr) of it, and what it captured."""
        done = xdptap("-q", "-w", self.file, *options, "--", *command, namespace=self.pair.near, **process)
        return done, Capture(self.file)

    def test_traffic(self):
        """Its own frames and those of its children, of all interfaces, and no others."""
        self.serve_far()
        other = self.python(f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
    s.recv(8)
    time.sleep(0.001)
""")
        script = PRELUDE + f"""
with socket.create_connection(("{net.FAR_IP}", {PORT})) as s:
    port = s.getsockname()[1]
    s.sendall(b"question")
    s.recv(8)
pid = os.fork()
if not pid:
    with socket.create_connection(("{net.FAR_IP}", {PORT})) as s:
        say(ports=[port, s.getsockname()[1]])
    os._exit(0)
os.waitpid(pid, 0)
sys.exit(7)
"""
        (status, out, err), capture = self.run_command(sys.executable, "-c", script)
        self.assertEqual(status, 7, err)
        self.assertFalse(other.has_ended())
        ports = set(json.loads(out)["ports"])
        frames = self.owned(capture)
        self.assertEqual({f.source if f.is_sent else f.target for f in frames}, ports, frames)
        self.assertEqual({f.protocol for f in frames}, {TCP})
        for port in ports:
            of_port = [f for f in frames if port in (f.source, f.target)]
            self.assertEqual(of_port[0].flags, 2)  # the SYN
            self.assertEqual(sum(f.flags & 1 for f in of_port), 2)  # both FINs
            self.assertEqual(of_port[-1].flags, 16)  # and the last acknowledgment

    def test_loopback(self):
        """What it sends to a server on this machine is its own as well as what it gets from it."""
        server = self.python(f"""
listener = socket.create_server(("127.0.0.1", {PORT}))
say(done=True)
connection = listener.accept()[0]
connection.sendall(connection.recv(8))
connection.recv(8)
""")
        server.hear()
        script = PRELUDE + f"""
with socket.create_connection(("127.0.0.1", {PORT})) as s:
    s.sendall(b"question")
    s.recv(8)
say(pid=os.getpid())
"""
        (status, out, err), capture = self.run_command(sys.executable, "-c", script, options=["-i", "lo"])
        self.assertEqual(status, 0, err)
        frames = self.owned(capture)
        self.assertEqual({f.pid for f in frames}, {json.loads(out)["pid"]}, frames)
        self.assertEqual(frames[0].flags, 2)  # the SYN, which it has sent
        self.assertGreater(sum(f.source == PORT for f in frames), 1)

    def test_status(self):
        for command, expected in ((["true"], 0), (["sh", "-c", "exit 42"], 42), (["sh", "-c", "kill -9 $$"], 137),
                                  (["/no/such/command"], 127), (["/"], 126)):
            with self.subTest(command=command):
                (status, _, err), capture = self.run_command(*command)
                self.assertEqual(status, expected, err)
                self.assertEqual(capture.packets, [])

    def test_nothing_to_run(self):
        status, _, err = xdptap("-w", self.file, "--", namespace=self.pair.near)
        self.assertEqual(status, 2)
        self.assert_sentence(err, "which command")
        status, _, err = xdptap("-w", "-", "--", "true", namespace=self.pair.near)
        self.assertEqual(status, 2)
        self.assert_sentence(err, "-w FILE")
        status, _, err = xdptap("-D", "--", "true", namespace=self.pair.near)
        self.assertEqual(status, 2)

    def test_not_started(self):
        """A capture that cannot begin runs no command, and leaves no key log."""
        before = set(os.listdir("/tmp"))
        status, _, err = xdptap("-w", self.file, "-i", "no-such", "--", "touch", self.path("ran"),
                                namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assertFalse(os.path.exists(self.path("ran")))
        harness.wait_until(lambda: not {n for n in set(os.listdir("/tmp")) - before if n.startswith("xdptap-")
                                        and not n.startswith("xdptap-test")}, "no key log left")

    def test_fork_fails(self):
        """Without a process for it, there is no command, and no key log either."""
        if not shutil.which("strace"):
            self.skipTest("needs strace")
        folder = self.path("tmp")
        os.mkdir(folder)
        with net.Process(["strace", "-f", "-o", self.path("trace"), "-e", "inject=clone,clone3,fork,vfork:error=EAGAIN",
                          XDPTAP, "-w", self.file, "-i", "near", "--", "touch", self.path("ran")],
                         self.pair.near, env=dict(os.environ, TMPDIR=folder)) as process:
            self.assertEqual(process.wait(), 1, process.text())
            self.assert_last_sentence(process.stderr(), "cannot start a command")
        self.assertEqual(os.listdir(folder), [])
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_own_keylog(self):
        """The user's key log stays."""
        log = self.path("keys.log")
        line = f"CLIENT_RANDOM {'01' * 32} {'ab' * 48}"
        script = (f"import os, socket; open(os.environ['SSLKEYLOGFILE'], 'a').write('{line}\\n');"
                  f"s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                  f"s.sendto(b'question', ('{net.FAR_IP}', {PORT})); s.recv(8)")
        (status, _, err), capture = self.run_command(sys.executable, "-c", script, options=["--tls-keylog", log])
        self.assertEqual(status, 0, err)
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read(), line + "\n")
        self.assertEqual([block["data"] for block in capture.named("DSB")], [line.encode() + b"\n"])

    def test_user(self):
        """With sudo, the command has the rights of the user who called it, and none of ours."""
        environment = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534")
        (status, out, err), _ = self.run_command("grep", "^[UGC]", "/proc/self/status", env=environment)
        self.assertEqual(status, 0, err)
        for line in (b"Uid:" + 4 * b"\t65534", b"Gid:" + 4 * b"\t65534", b"CapEff:\t" + 16 * b"0"):
            self.assertIn(line, out)

    def test_keylog(self):
        """Its key log is a file of its own, which goes with it, and what it logs is in the capture."""
        script = ("import os, sys; path = os.environ['SSLKEYLOGFILE']; print(path, oct(os.stat(path).st_mode & 0o777));"
                  f"open(path, 'a').write('CLIENT_RANDOM {'01' * 32} {'ab' * 48}\\n');"
                  f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                  f"s.sendto(b'question', ('{net.FAR_IP}', {PORT})); s.recv(8)")
        (status, out, err), capture = self.run_command(sys.executable, "-c", script)
        self.assertEqual(status, 0, err)
        path, mode = out.decode().split()
        self.assertEqual(mode, "0o600")
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        secrets = capture.named("DSB")
        self.assertEqual(len(secrets), 1)
        self.assertLess(capture.blocks.index(secrets[0]), capture.blocks.index(capture.named("EPB")[0]))

    def test_signal(self):
        """One signal ends the capture, a second one the command, whose status it is then."""
        process = self.enterContext(net.Process(
            [XDPTAP, "-w", self.file, "-i", "near", "--", "sh", "-c", "echo ready; exec sleep 1000"], self.pair.near))
        harness.wait_until(lambda: b"ready" in process.stdout(), "the command")
        command = [pid for runner in net.children(process.pid) for pid in net.children(runner)]
        self.assertEqual(len(command), 1)
        process.signal(signal.SIGTERM)
        process.wait_for("Packets captured")
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 128 + signal.SIGTERM)
        self.assert_gone(command[0])


if __name__ == "__main__":
    harness.main()
