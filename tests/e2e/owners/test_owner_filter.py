#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Only the frames of some processes: each frame of theirs, and none of another."""
import os
import pwd

import harness
import net
from owners import PORT, PRELUDE, UDP, OwnersCase
from program import xdptap

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
        root = next((line.split()[1] for line in open("/proc/mounts", encoding="utf-8")
                     if line.split()[2] == "cgroup2"), None)
        if not root:
            self.skipTest("this machine has no cgroup2 mounted")
        outer = f"{root}/xdptap-{os.getpid()}.slice"
        inner = outer + "/asks.service"
        try:
            os.makedirs(inner)
        except OSError as error:
            self.skipTest(f"this machine lets nobody make control groups: {error}")
        self.addCleanup(os.rmdir, outer)
        self.addCleanup(os.rmdir, inner)
        for path in (inner, os.path.basename(outer), os.path.relpath(inner, root), "asks.service"):
            with self.subTest(path=os.path.relpath(path, root) if path.startswith("/") else path):
                one, other = self.asking("one"), self.asking("other")
                with open(inner + "/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(one.pid))
                capture = self.start("--cgroup", path, file="cgroup.pcapng")
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
                            (["--cgroup", "no/such"], "control group"), (["--children"], "--children requires"),
                            (["--pid", "1", "--point", "drop"], "require --point"),
                            (["--process", "--format", "pcap"], "--process needs")):
            status, _, err = xdptap("-i", "near", "-w", self.path("out"), *words, namespace=self.pair.near)
            self.assertIn(status, (1, 2), words)
            self.assert_sentence(err, said)


if __name__ == "__main__":
    harness.main()
