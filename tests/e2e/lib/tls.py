# SPDX-License-Identifier: MIT
"""A TLS server that answers requests, and clients that log their secrets."""
import functools
import glob
import itertools
import os
import socket
import ssl
import subprocess
import threading

import harness
import net
from program import Case, Wireshark

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"


def make_certificate(folder):
    """The path of a new one; its key is beside it, as PATH.key."""
    path = os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", path + ".key", "-out", path, "-subj", "/CN=far"], check=True, capture_output=True)
    return path


class Server:
    """Answers each request on each connection with the same page."""

    def __init__(self, namespace, folder):
        certificate = make_certificate(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, certificate + ".key")
        self.context.num_tickets = 0
        self.socket = namespace.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(net.FAR_IP, 443))
        self.socket.listen()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def run(self):
        threads = []
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                break
            threads.append(threading.Thread(target=self.serve, args=[connection]))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def serve(self, connection):
        connection.settimeout(harness.DEADLINE)
        with self.context.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(1000):
                secure.sendall(PAGE)
            try:
                secure.unwrap()
            except (OSError, ssl.SSLError):
                pass  # the client has gone without a word


class TlsCase(Case):
    def setUp(self):
        super().setUp()
        self.log = self.path("keys.log")

    @functools.cached_property
    def wireshark(self):
        return Wireshark(self.folder)

    def live_tshark(self):
        """A tshark that already captures through the extcap, with the key log, and prints as it goes."""
        tshark = self.enterContext(self.wireshark.tshark(
            "-i", "xdptap-near", "-o", f"extcap.xdptap_near.tlskeylog:{self.log}", "-w", self.path("out"), "-P",
            "-l", "-d", "tcp.port==443,tls", namespace=self.pair.near))
        harness.wait_until(lambda: os.path.exists(self.path("out")) and os.path.getsize(self.path("out")),
                           "the head of the file")
        return tshark

    def serve(self):
        """The first connection of a process takes much longer than others: a slow machine has it before the capture."""
        self.enterContext(Server(self.pair.far, self.folder))
        self.end(self.connect(log=os.devnull))

    def connect(self, version=ssl.TLSVersion.TLSv1_3, log=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.keylog_filename = log or self.log
        plain = self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(harness.DEADLINE)
        plain.connect((net.FAR_IP, 443))
        return self.enterContext(context.wrap_socket(plain))

    def ask(self, connection, path):
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: far\r\n\r\n".encode())
        self.assertEqual(connection.recv(1000), PAGE)

    def end(self, connection):
        """Ends it in both directions, as it should be."""
        plain = connection.unwrap()
        self.assertEqual(plain.recv(10), b"")
        plain.close()

    def requests(self, file):
        """The requests that tshark decrypts as it reads a file once."""
        status, out, err = self.wireshark.run("-r", file, "-d", "tcp.port==443,tls", "-Y", "http.request",
                                              "-T", "fields", "-e", "http.request.uri")
        self.assertEqual(status, 0, err)
        return out.decode().split()

    def assert_requests(self, file, expected):
        found = self.requests(file)
        if found != expected and harness.SLOWNESS > 1 and self.longest_pause(file) > 0.2:
            self.skipTest("this machine pauses in a handshake for longer than xdptap waits for its secrets")
        self.assertEqual(found, expected)

    def longest_pause(self, file):
        """Seconds between two frames of one handshake, at most."""
        status, out, err = self.wireshark.run("-r", file, "-d", "tcp.port==443,tls", "-Y", "tls.record", "-T", "fields",
                                              "-e", "tcp.stream", "-e", "frame.time_relative")
        self.assertEqual(status, 0, err)
        frames = [line.split() for line in out.decode().splitlines()]
        return max(float(after[1]) - float(before[1]) for before, after in itertools.pairwise(frames)
                   if before[0] == after[0])

    def rotate(self, capture, finished):
        """Waits until everything sent so far is in the file: a frame sent later is."""
        last, = self.pair.send(1)
        part, = glob.glob(self.path("*.part"))
        harness.wait_until(lambda: last in self.read(part), "the last frame")
        capture.signal(net.signal.SIGHUP)
        harness.wait_until(lambda: len([n for n in os.listdir(self.folder) if n.startswith("cap_") and
                                        n.endswith(".pcapng")]) == finished, "the next file")

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()
