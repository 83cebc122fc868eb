#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The process of each frame of programs that people use, and of a server that forks."""
import itertools
import os
import shutil
import socket
import struct
import sys
import threading

import harness
import net
import ssh
from captures import Capture
from net import FAR_IP, NEAR_IP
from owners import COMMENT, PORT, TCP, UDP, OwnersCase
from units import Systemd

SSH, HTTP, DNS = 2222, 8080, 53
SYN = 2

# Prints the process that asks and those that it descends from, up to $1.
ANCESTORS = """pid=$$; echo $pid; while [ $pid -gt 1 ] && [ $pid != %d ]; do
read -r _ _ _ pid _ < /proc/$pid/stat; echo $pid; done"""

# A server that forks before anybody connects. Each child says which connections were its own.
PREFORK = f"""
listener = socket.create_server(("{NEAR_IP}", {PORT}), backlog=64)
for _ in range(4):
    if not os.fork():
        while True:
            connection, client = listener.accept()
            connection.sendall(connection.recv(8))
            connection.recv(8)
            connection.close()
            say(port=client[1], pid=os.getpid())
say(done=True)
hear()
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.killpg(0, signal.SIGTERM)
"""


class Programs(OwnersCase):
    def need(self, tool):
        return shutil.which(tool) or self.skipTest(f"needs {tool}")

    def run_near(self, *command, namespace=None):
        """Runs a program to its end: its process ID and its output."""
        with net.Process(list(command), namespace or self.pair.near) as process:
            self.assertEqual(process.wait(), 0, process.text())
            return process.pid, process.stdout().decode()

    def serve_http(self, namespace, address):
        server = self.enterContext(net.Process(
            [sys.executable, "-u", "-m", "http.server", "--bind", address, "--directory", self.folder, str(HTTP)],
            namespace))
        harness.wait_until(lambda: b"Serving HTTP" in server.stdout(), "the server")
        with open(self.path("page"), "w", encoding="ascii") as file:
            file.write("page")
        return server

    def check_all(self, capture, pid, protocol, name):
        frames = [f for f in self.owned(capture) if f.protocol == protocol]
        self.assertEqual({f.is_sent for f in frames}, {True, False}, frames)
        self.assertEqual({f.pid for f in frames}, {pid}, frames)
        self.assertEqual({COMMENT.fullmatch(c)[1] for f in frames for c in f.comments}, {name})

    def test_curl(self):
        self.need("curl")
        self.serve_http(self.pair.far, FAR_IP)
        capture = self.start("--process", "-f", "tcp")
        pid, page = self.run_near("curl", "-s", f"http://{FAR_IP}:{HTTP}/page")
        self.assertEqual(page, "page")
        self.check_all(capture, pid, TCP, "curl")

    def test_http_server(self):
        """A server with a thread for each connection."""
        self.need("curl")
        server = self.serve_http(self.pair.near, NEAR_IP)
        capture = self.start("--process", "-f", "tcp")
        _, page = self.run_near("curl", "-s", f"http://{NEAR_IP}:{HTTP}/page", namespace=self.pair.far)
        self.assertEqual(page, "page")
        self.check_all(capture, server.pid, TCP, net.stat(server.pid).name)

    def test_dig(self):
        self.need("dig")
        server = self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(FAR_IP, DNS))
        server.settimeout(harness.DEADLINE)
        self.addCleanup(server.close)
        thread = threading.Thread(target=self.answer_query, args=[server])
        thread.start()
        self.addCleanup(thread.join)
        capture = self.start("--process", "-f", "udp")
        pid, answer = self.run_near("dig", f"@{FAR_IP}", "+short", "+tries=1", "name.example", "A")
        self.assertEqual(answer.strip(), "192.0.2.7")
        frames = self.owned(capture)
        self.assertEqual([f.pid for f in frames], 2 * [pid])
        self.assertNotEqual(frames[0].comments, [])  # its name is that of one of its threads

    @staticmethod
    def answer_query(server):
        """With one address."""
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.7")
        server.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + query[12:end] + answer, client)

    def test_ssh(self):
        ssh.prepare(self)
        ssh.serve(self, self.pair.far, SSH, FAR_IP)
        capture = self.start("--process", "-f", "tcp")
        pid, said = self.run_near(*ssh.command(self, SSH, FAR_IP, "echo hello"))
        self.assertEqual(said, "hello\n")
        self.check_all(capture, pid, TCP, "ssh")

    def test_sshd(self):
        """The one that listens, then its child before the login, which is gone, and at last the session's."""
        if not net.has_symbol("__traceiter_sock_recv_length"):
            self.skipTest("needs Linux 6.3, which tells who uses a socket")
        ssh.prepare(self)
        server = ssh.serve(self, self.pair.near, SSH, NEAR_IP)
        capture = self.start("--process", "-f", "tcp")
        _, said = self.run_near(*ssh.command(self, SSH, NEAR_IP, ANCESTORS % server.pid), namespace=self.pair.far)
        session = [int(pid) for pid in said.split()]
        self.assertEqual(session[-1], server.pid)
        frames = self.owned(capture)
        self.assertEqual({f.pid for f in frames if f.flags & SYN}, {server.pid})
        owners = [pid for pid, _ in itertools.groupby(f.pid for f in frames)]
        self.assertNotIn(None, owners)
        self.assertLessEqual(len(set(owners) - set(session)), 1, (owners, session))
        self.assertIn(frames[-1].pid, session[1:-1])
        self.assertTrue(all(COMMENT.fullmatch(c)[1].startswith("sshd") for f in frames for c in f.comments))

    def test_prefork(self):
        """Once one of the children has read from a connection, its frames are that child's."""
        if not net.has_symbol("__traceiter_sock_recv_length"):
            self.skipTest("needs Linux 6.3, which tells who uses a socket")
        capture = self.start("--process", "-f", "tcp")
        server = self.python(PREFORK, start_new_session=True)
        server.hear()
        for _ in range(20):
            with self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.settimeout(harness.DEADLINE)
                client.connect((NEAR_IP, PORT))
                client.sendall(b"question")
                client.recv(8)
        words = [server.hear() for _ in range(20)]
        served = {w["port"]: w["pid"] for w in words}
        server.tell()
        server.wait()
        frames = self.owned(capture)
        for port, pid in served.items():
            of_port = [f for f in frames if port in (f.source, f.target)]
            owners = [f.pid for f in of_port]
            self.assertEqual(owners, sorted(owners, key=lambda one: one == pid), of_port)  # it changes once
            self.assertEqual(set(owners), {server.pid, pid}, of_port)
            answer = next(n for n, f in enumerate(of_port) if f.is_sent and f.flags & 8)  # PSH
            self.assertEqual(set(owners[answer:]), {pid}, of_port)

    def test_unit(self):
        """A service of systemd, chosen by its name; the other one's frames are left out."""
        self.answer_datagrams()
        manager = self.enterContext(Systemd(self.path("units")))
        go, answered = self.path("go"), self.path("answered")
        os.mkfifo(go)
        script = (f"import os, socket; os.read(os.open('{go}', 0), 1); s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                  f"s.sendto(b'question', ('{FAR_IP}', {PORT})); s.recv(8); open('{answered}', 'a').write('+')")
        chosen, _ = [manager.start(name, self.pair.near, script) for name in ("chosen", "other")]
        capture = self.start("--unit", "chosen", "-f", "udp")
        with open(go, "r+b", buffering=0) as file:  # it does not wait for a reader
            file.write(b"++")
            harness.wait_until(lambda: not manager.pids("chosen") and not manager.pids("other"), "both services")
        with open(answered, encoding="ascii") as file:
            self.assertEqual(file.read(), "++")
        frames = self.owned(capture)
        self.assertEqual([f.pid for f in frames], 2 * [chosen])
        self.assertEqual(COMMENT.fullmatch(frames[0].comments[0])[4], "unit chosen.service")


if __name__ == "__main__":
    harness.main()
