# SPDX-License-Identifier: MIT
"""Processes whose frames are captured, and what a capture says about the process of each frame."""
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest
from collections import namedtuple

import net
from captures import Capture
from harness import DEADLINE
from net import Process
from program import Case

TCP, UDP, ICMP = 6, 17, 1
PORT = 7000  # of servers
COMMENT = re.compile(r"process: (.*) \(pid (\d+), uid (\d+)(?:, (.*))?\)")
UNKNOWN = "process: not known"

Owned = namedtuple("Owned", "protocol source target flags pid tid comments is_sent")

# What a process of a test begins with: it says what it does in lines of JSON.
PRELUDE = """
import json, os, socket, sys, time
def say(**words):
    os.write(1, (json.dumps(words) + "\\n").encode())  # in one piece: others may write there, too
def hear():
    return sys.stdin.readline().strip()
"""


def cgroup_root():
    """Where control groups of version 2 are mounted; the test is skipped if nowhere."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        root = next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), None)
    if not root:
        raise unittest.SkipTest("this machine has no cgroup2 mounted")
    return root


def transport(data):
    """(protocol, offset of its header or None) of an Ethernet frame with IP in it, tagged or not."""
    at = 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind, at = data[at:at + 2], at + 2
    if kind == b"\x08\x00":
        is_later = struct.unpack_from(">H", data, at + 6)[0] & 0x1FFF
        return data[at + 9], None if is_later else at + (data[at] & 15) * 4
    if kind != b"\x86\xdd":
        return 0, None
    protocol, at = data[at + 6], at + 40
    while protocol in (0, 43, 60):
        protocol, at = data[at], at + (data[at + 1] + 1) * 8
    return protocol, at


def read(block):
    """One frame with its owner; the ports are 0 where there are none."""
    data = block["data"]
    source = target = flags = 0
    protocol, at = transport(data)
    if protocol in (TCP, UDP) and at:
        source, target = struct.unpack_from(">HH", data, at)
        flags = data[at + 13] if protocol == TCP else 0
    pid = tid = None
    is_sent = False
    comments = []
    for option in block.options:
        if option.name == "epb_processid_threadid":
            pid, tid = option.value
        elif option.name == "epb_flags":
            is_sent = option.value & 3 == 2
        elif option.name == "opt_comment":
            comments.append(option.value)
    return Owned(protocol, source, target, flags, pid, tid, comments, is_sent)


class OwnersCase(Case):
    def owned(self, capture):
        """All frames of a capture."""
        if not isinstance(capture, Capture):
            capture = capture.finish()
        return [read(block) for block in capture.named("EPB")]

    def python(self, script, namespace=None, **process):
        """A process that runs this, and says and hears lines."""
        return self.enterContext(Script(script, namespace or self.pair.near, **process))

    def serve_far(self, port=PORT):
        """Answers each connection to far with what it gets, until its end."""
        listener = self.pair.far.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.FAR_IP, port))
        listener.listen(1024)
        self.addCleanup(listener.close)
        thread = threading.Thread(target=self.answer, args=[listener])
        thread.start()
        self.addCleanup(thread.join, DEADLINE)
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)

    def answer_datagrams(self):
        """Sends each datagram to far back."""
        server = self.pair.far.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=(net.FAR_IP, PORT))
        server.settimeout(0.2)
        self.addCleanup(server.close)
        over = threading.Event()

        def run():
            while not over.is_set():
                try:
                    data, sender = server.recvfrom(100)
                except TimeoutError:
                    continue
                server.sendto(data, sender)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)

    @staticmethod
    def answer(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(DEADLINE)
                try:
                    while data := connection.recv(1000):
                        connection.sendall(data)
                except OSError:
                    pass


class Script(Process):
    """A Python process that talks through its standard input and output."""

    def __init__(self, script, namespace, **process):
        super().__init__([self.interpreter(process.get("user")), "-c", PRELUDE + script], namespace, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, **process)

    @staticmethod
    def interpreter(user):
        """One that this user may execute: ours may be in a folder of root's."""
        found = shutil.which("python3", path="/usr/bin:/bin") if user else sys.executable
        if not found:
            raise unittest.SkipTest("this machine has no /usr/bin/python3, for another user")
        return found

    def __exit__(self, *error):
        self.popen.stdin.close()
        self.popen.stdout.close()
        super().__exit__(*error)

    def stdout(self):
        return b""

    def hear(self):
        """What it says next."""
        line = self.popen.stdout.readline()
        if not line:
            raise AssertionError(f"said nothing: {self.stderr().decode()}")
        return json.loads(line)

    def tell(self, line=""):
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()
