# SPDX-License-Identifier: MIT
"""Wireshark's end of the control pipes, reimplemented from its rules."""
import os
import select
import struct

from harness import DEADLINE, wait_until

INITIALIZED, SET, ADD, REMOVE, ENABLE, DISABLE, STATUSBAR, INFO, WARNING, ERROR = range(10)
FILTER, DIRECTION, PAUSE, LOG = range(4)


def message(number, command, payload=b"", indicator=b"T"):
    return (indicator + struct.pack(">I", len(payload) + 2)[1:] + bytes([number, command]) +
            payload)


class Toolbar:
    """Creates the pipes before the extcap starts, and opens them as Wireshark does. It blocks where Wireshark
    does, so a test that hangs here means a Wireshark that hangs."""

    def __init__(self, folder):
        self.to, self.of = os.path.join(folder, "control-in"), os.path.join(folder, "control-out")
        for path in (self.to, self.of):
            os.mkfifo(path, 0o600)
        self.options = ("--extcap-control-in", self.to, "--extcap-control-out", self.of)
        self.reader = self.writer = None
        self.received = bytearray()
        self.messages = []  # (number, command, payload)

    def open(self, *before):
        """Opens the pipes and sends what the user had set before, as messages."""
        self.reader = os.open(self.of, os.O_RDONLY | os.O_NONBLOCK)
        self.writer = os.open(self.to, os.O_WRONLY)
        for data in before:
            os.write(self.writer, data)
        self.send(0, INITIALIZED)

    def close(self):
        for fd in (self.reader, self.writer):
            if fd is not None:
                os.close(fd)
        self.reader = self.writer = None

    def send(self, number, command, payload=b""):
        os.write(self.writer, message(number, command, payload))

    def set(self, number, value):
        self.send(number, SET, value.encode() if isinstance(value, str) else value)

    def read(self, timeout=0.0):
        while select.select([self.reader], [], [], timeout)[0]:
            try:
                data = os.read(self.reader, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            self.received += data
            timeout = 0
        while len(self.received) >= 6:
            assert self.received[:1] == b"T", self.received[:50]
            length = int.from_bytes(self.received[1:4], "big")
            if len(self.received) < 4 + length:
                break
            self.messages.append((self.received[4], self.received[5],
                                  bytes(self.received[6:4 + length])))
            del self.received[:4 + length]
        return self.messages

    def texts(self, command, number=None):
        return [payload.decode() for which, what, payload in self.read()
                if what == command and number in (None, which)]

    def wait_text(self, command, words, number=None):
        return wait_until(lambda: next((t for t in self.texts(command, number) if words in t), None),
                          f"\"{words}\" among {self.messages[-5:]}", DEADLINE)
