#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The process of each frame: what the capture says, against what the test knows of its processes."""
import os
import socket
import subprocess

import harness
import net
from captures import Capture
from owners import COMMENT, ICMP, PORT, TCP, UDP, UNKNOWN, OwnersCase, cgroup_root, read
from program import NOBODY

SYN, ACK = 2, 16
BASE = 20000  # of the ports of short-lived processes

# Each child binds a port of its own, asks, and is gone a moment after it has got its answer.
SHORT = f"""
for n in range(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT):
    pid = os.fork()
    if not pid:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("{net.NEAR_IP}", {BASE} + n))
            s.connect(("{net.FAR_IP}", {PORT}))
            s.sendall(b"question")
            s.recv(8)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", {BASE} + n))
            s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
            s.recv(8)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    say(port={BASE} + n, pid=pid)
say(done=True)
"""


class Owners(OwnersCase):
    def run_short(self, count):
        """Runs so many of them: {port: pid}."""
        script = self.python(SHORT.replace("COUNT", str(count)))
        pids = {}
        while "done" not in (words := script.hear()):
            pids[words["port"]] = words["pid"]
        return pids

    def check_short(self, frames, pids):
        seen = set()
        for f in frames:
            if f.protocol not in (TCP, UDP):
                continue
            port = f.source if f.is_sent else f.target
            self.assertEqual(f.pid, pids[port], f)
            self.assertEqual(f.tid, pids[port], f)
            seen.add((port, f.protocol, f.is_sent))
        self.assertEqual(seen, {(port, protocol, is_sent) for port in pids for protocol in (TCP, UDP)
                                for is_sent in (False, True)})

    def test_short_lived(self):
        """A thousand processes of a few milliseconds: each frame has its own, from the SYN to the last ACK."""
        self.serve_far()
        self.answer_datagrams()
        capture = self.start("--process")
        pids = self.run_short(1000 // harness.SLOWNESS ** 2)
        frames = self.owned(capture)
        self.check_short(frames, pids)
        said = [COMMENT.fullmatch(c) for f in frames for c in f.comments if c.startswith("process: ")]
        self.assertTrue(all(said), frames)
        told = [int(c[2]) for c in said]
        self.assertEqual(sorted(told), sorted(2 * list(pids.values())))  # once for each of its two flows

    def test_tc(self):
        self.serve_far()
        self.answer_datagrams()
        capture = self.start("--process", "--point", "tc")
        pids = self.run_short(20)
        self.check_short(self.owned(capture), pids)

    def test_comment(self):
        """The first frame of a flow tells the name, and no other."""
        self.answer_datagrams()
        capture = self.start("--process", "-f", "udp")
        script = self.python(f"""
with open("/proc/self/comm", "w") as file:
    file.write("asks often")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
    s.recv(8)
say(done=True)
""")
        script.hear()
        frames = self.owned(capture)
        self.assertEqual([f.pid for f in frames], 6 * [script.pid])
        name, pid, uid, _ = COMMENT.fullmatch(frames[0].comments[0]).groups()
        self.assertEqual((name, int(pid), int(uid)), ("asks often", script.pid, 0))
        self.assertFalse(any(f.comments for f in frames[1:]))

    def test_older(self):
        """Sockets that are older than the capture: listening, connected, and of datagrams."""
        self.serve_far()
        script = self.python(f"""
listener = socket.create_server(("0.0.0.0", {PORT}))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", {PORT}))
s = socket.create_connection(("{net.FAR_IP}", {PORT}))
say(port=s.getsockname()[1])
hear()
s.sendall(b"question")
s.recv(8)
udp.recv(8)
accepted = listener.accept()[0]
say(done=True)
hear()
""")
        port = script.hear()["port"]
        capture = self.start("--process")
        script.tell()
        self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"datagram", (net.NEAR_IP, PORT))
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.connect((net.NEAR_IP, PORT))
        script.hear()
        frames = [f for f in self.owned(capture) if f.protocol in (TCP, UDP)]
        self.assertTrue({port, PORT} <= {f.source for f in frames} | {f.target for f in frames})
        self.assertEqual({f.pid for f in frames}, {script.pid}, frames)
        client.close()

    def test_fork(self):
        """Frames before a child uses the connection are those of the process that listens, later ones the child's."""
        if not net.has_symbol("__traceiter_sock_recv_length"):
            self.skipTest("needs Linux 6.3, which tells who uses a socket")
        capture = self.start("--process", "-f", "tcp")
        server = self.python(f"""
listener = socket.create_server(("0.0.0.0", {PORT}))
say(done=True)
pid = os.fork()
if not pid:
    connection = listener.accept()[0]
    connection.recv(8)
    say(pid=os.getpid())
    connection.recv(8)
    connection.sendall(b"answer")
    connection.recv(8)
    os._exit(0)
os.waitpid(pid, 0)
""")
        server.hear()
        client = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(harness.DEADLINE)
        client.connect((net.NEAR_IP, PORT))
        client.sendall(b"first")
        child = server.hear()["pid"]
        client.sendall(b"second")
        self.assertEqual(client.recv(10), b"answer")
        client.close()
        server.wait()
        frames = self.owned(capture)
        for f in frames:
            if f.flags & SYN:
                self.assertEqual(f.pid, server.pid, f)
        owners = [f.pid for f in frames]
        self.assertEqual(owners, sorted(owners, key=lambda pid: pid == child))  # it changes once
        self.assertEqual(set(owners), {server.pid, child})
        told = [int(COMMENT.fullmatch(c)[2]) for f in frames for c in f.comments]
        self.assertEqual(told, [server.pid, child])

    def test_passed(self):
        """A descriptor that is passed on: the frames are the new process's as soon as it has used it once."""
        if not net.has_symbol("__traceiter_sock_recv_length"):
            self.skipTest("needs Linux 6.3, which tells who uses a socket")
        self.answer_datagrams()
        capture = self.start("--process", "-f", "udp")
        script = self.python(f"""
here, there = socket.socketpair()
pid = os.fork()
if not pid:
    _, fds, _, _ = socket.recv_fds(there, 10, 1)
    s = socket.socket(fileno=fds[0])
    for _ in range(3):
        s.send(b"question")
        s.recv(8)
    os._exit(0)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("{net.FAR_IP}", {PORT}))
s.send(b"question")
s.recv(8)
socket.send_fds(here, [b"it is yours"], [s.fileno()])
assert os.waitpid(pid, 0)[1] == 0
say(child=pid)
""")
        child = script.hear()["child"]
        frames = self.owned(capture)
        owners = [f.pid for f in frames]
        self.assertEqual(len(owners), 8)
        self.assertEqual(owners[:3], 3 * [script.pid])  # the child's first one is on its way before it counts as used
        self.assertEqual(owners[4:], 4 * [child])

    def test_unknown(self):
        """What is nobody's, or cannot be told, has no process, and the first frame of a flow says so."""
        capture = self.start("--process")
        self.python(f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", {PORT}))
t = socket.create_server(("0.0.0.0", {PORT}))
say(done=True)
hear()
""").hear()
        far = self.pair.far
        far.ip("route", "add", "10.8.0.0/16", "via", net.NEAR_IP)
        far.ping(net.NEAR_IP, 1)
        closed = far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        closed.sendto(b"nobody listens", (net.NEAR_IP, PORT + 1))
        foreign = far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        foreign.sendto(b"for another machine", ("10.8.0.1", PORT))  # though "all addresses" would match
        stream = far.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.setblocking(False)
        stream.connect_ex(("10.8.0.1", PORT))
        capture.wait_packets(6)
        frames = self.owned(capture)
        self.assertEqual({f.pid for f in frames}, {None}, frames)
        self.assertEqual([f.comments for f in frames if f.protocol in (TCP, UDP)][:3], 3 * [[UNKNOWN]])
        self.assertFalse(any(f.comments for f in frames if f.protocol == ICMP))

    def test_raw(self):
        """A sent echo request is its sender's; a reply may be for several, and is not known."""
        capture = self.start("--process", "-f", "icmp")
        with net.Process(["ping", "-q", "-c", "2", "-i", "0.01", net.FAR_IP], self.pair.near) as ping:
            self.assertEqual(ping.wait(), 0)
            pid = ping.pid
        frames = self.owned(capture)
        self.assertEqual([f.pid for f in frames], 2 * [pid, None])

    def start_as_user(self, path, *options):
        """A capture by an ordinary user, with the capabilities of the program's file."""
        if not os.path.exists(self.path("xdptap")):
            subprocess.run(["setcap", "cap_net_admin,cap_bpf,cap_perfmon+ep", self.everybodys()], check=True)
            os.chmod(self.folder, 0o777)
        capture = self.enterContext(net.Process([
            "nsenter", f"--net=/run/netns/{self.pair.near.name}", *self.AS_USER, self.path("xdptap"), "-i", "near",
            "-f", "udp", "-w", path, *options]))
        capture.wait_for("Capturing on")
        return capture

    AS_USER = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all")

    def proc_tells(self, pid):
        """Whether /proc tells an ordinary user of a process's sockets; and if it hides all others, of the process."""
        hide = "mount -t proc -o hidepid=ptraceable none /proc && exec \"$@\""
        told = [subprocess.run([*before, *self.AS_USER, *words, f"/proc/{pid}{path}"], check=False, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL).returncode == 0
                for before, words, path in (([], ["readlink"], "/fd/0"),
                                            (["unshare", "--mount", "sh", "-c", hide, "-"], ["ls", "-d"], ""))]
        self.assertEqual(told[0], told[1], pid)
        return told[0]

    def test_what_proc_tells(self):
        """A user who captures with the capabilities of the file learns of a process exactly if /proc would tell."""
        cgroup_root()  # without one, it is skipped
        self.answer_datagrams()
        ask = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
s.recv(8)
say(port=s.getsockname()[1])
hear()
"""
        kinds = {"own": (NOBODY, NOBODY, NOBODY, NOBODY, 1), "root's": (0, 0, 0, 0, 1),
                 "set user ID": (NOBODY, 0, NOBODY, NOBODY, 1), "another group": (NOBODY, NOBODY, 0, NOBODY, 1),
                 "undumpable": (NOBODY, NOBODY, NOBODY, NOBODY, 0)}
        capture = self.start_as_user(self.path("out.pcapng"), "--process")
        told, ports = {}, {}
        for name, (uid, euid, gid, egid, dumpable) in kinds.items():
            script = self.python(f"""
import ctypes
os.setgroups([])
os.setresgid({gid}, {egid}, {egid})
os.setresuid({uid}, {euid}, {euid})
assert ctypes.CDLL(None).prctl(4, {dumpable}, 0, 0, 0) == 0  # PR_SET_DUMPABLE
{ask}""")
            ports[script.hear()["port"]] = name
            told[name] = script.pid if self.proc_tells(script.pid) else None
        self.assertEqual([name for name, pid in told.items() if pid], ["own"])
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        frames = self.owned(Capture(self.path("out.pcapng")))
        self.assertEqual(len(frames), 2 * len(kinds))
        for f in frames:
            pid = told[ports[f.source if f.is_sent else f.target]]
            self.assertEqual(f.pid, pid, f)
            self.assertTrue(pid or f.comments in ([], [UNKNOWN]), f)

    def test_restricted(self):
        """A user who captures with the capabilities of the file learns of their own processes only: /proc tells them
        of no other's sockets."""
        cgroup_root()  # without one, it is skipped
        self.answer_datagrams()
        asks = f"""
hear()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
s.recv(8)
say(port=s.getsockname()[1])
"""
        for options in ((), ("--uid", "root")):
            with self.subTest(options=options):
                path = self.path(f"out{len(options)}.pcapng")
                capture = self.start_as_user(path, "--process", *options)
                own, roots = self.python(asks, user=NOBODY), self.python(asks)
                ports = {}
                for script in (own, roots):
                    script.tell()
                    ports[script.hear()["port"]] = script.pid
                capture.signal()
                self.assertEqual(capture.wait(), 0, capture.text())
                frames = self.owned(Capture(path))
                if options:
                    self.assertEqual(frames, [])
                    continue
                self.assertEqual(len(frames), 4)
                for f in frames:
                    pid = ports[f.source if f.is_sent else f.target]
                    self.assertEqual(f.pid, own.pid if pid == own.pid else None, f)

    def test_reused(self):
        """A process that gets the ID of an earlier one, whose socket still sends: each has its own name."""
        try:
            with open("/proc/sys/kernel/ns_last_pid", "rb"):
                pass
        except FileNotFoundError:
            self.skipTest("this kernel lets nobody choose the ID of a process")
        self.serve_far()
        capture = self.start("--process", "-f", "tcp")
        script = self.python(f"""
def fork_as(pid, name, port):
    for _ in range(100):
        if pid:
            with open("/proc/sys/kernel/ns_last_pid", "w") as file:
                file.write(str(pid - 1))
        child = os.fork()
        if not child:
            if pid and os.getpid() != pid:
                os._exit(1)  # somebody was faster
            with open("/proc/self/comm", "w") as file:
                file.write(name)
            s = socket.socket()
            s.bind(("{net.NEAR_IP}", port))
            s.connect(("{net.FAR_IP}", {PORT}))
            s.sendall(b"question")
            s.recv(8)
            os._exit(0)  # the kernel closes the connection
        if os.waitpid(child, 0)[1] == 0:
            return child
first = fork_as(0, "first", 20001)
second = fork_as(first, "second", 20002)
say(first=first, second=second)
""")
        words = script.hear()
        if not words["second"]:
            self.skipTest("this machine gives process IDs away too fast")
        frames = self.owned(capture)
        names = {}
        for f in frames:
            self.assertEqual(f.pid, words["first"], f)
            for c in f.comments:
                names.setdefault(f.source if f.is_sent else f.target, []).append(COMMENT.fullmatch(c)[1])
        self.assertEqual(names, {20001: ["first"], 20002: ["second"]})

    def test_rotated(self):
        """Each file tells the process again."""
        self.answer_datagrams()
        capture = self.start("--process", "-f", "udp", "-b", "packets:2", file="out.pcapng")
        script = self.python(f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    s.sendto(b"question", ("{net.FAR_IP}", {PORT}))
    s.recv(8)
say(done=True)
""")
        script.hear()
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        files = sorted(name for name in os.listdir(self.folder) if name.startswith("out_"))
        self.assertEqual(len(files), 3)
        for name in files:
            first, second = [read(block) for block in Capture(self.path(name)).named("EPB")]
            self.assertEqual(int(COMMENT.fullmatch(first.comments[0])[2]), script.pid)
            self.assertFalse(second.comments)

    def test_off(self):
        """Without the option, nothing is known, and nothing that learns of processes is loaded."""
        capture = self.start()
        names = {entry.get("name") for entry in net.bpftool("prog", "list")
                 if entry["id"] in net.bpf_objects(capture.pid)["prog"]}
        self.assertFalse({name for name in names if name.startswith("learn")}, names)
        self.assertFalse({entry["id"] for entry in net.bpftool("map", "list") if entry.get("name") == "owners"} &
                         net.bpf_objects(capture.pid)["map"])
        self.pair.ping(1)
        self.assertEqual({f.pid for f in self.owned(capture)}, {None})

    def test_leaves_nothing(self):
        capture = self.start("--process")
        objects = net.bpf_objects(capture.pid)
        capture.finish()
        self.assert_unloaded(objects)


if __name__ == "__main__":
    harness.main()
