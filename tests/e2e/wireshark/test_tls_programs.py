#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that log their TLS secrets: what tshark reads of their HTTP, with nothing but the capture."""
import os
import shutil
import socket
import subprocess

import harness
import net
from net import FAR_IP, NEAR_IP
from program import xdptap
from tls import TlsCase, make_certificate


class Programs(TlsCase):
    def serve_openssl(self, namespace, address, *options):
        certificate = make_certificate(self.folder)
        server = self.enterContext(net.Process(
            ["openssl", "s_server", "-accept", f"{address}:443", "-cert", certificate, "-key", certificate + ".key",
             "-www", *options], namespace))
        harness.wait_until(lambda: b"ACCEPT" in server.stdout(), "the server")

    def ask_openssl(self, namespace, address, path, *options):
        client = self.enterContext(net.Process(
            ["openssl", "s_client", "-connect", f"{address}:443", "-quiet", "-ign_eof", *options], namespace,
            stdin=subprocess.PIPE))
        client.popen.stdin.write(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        client.popen.stdin.close()
        self.assertEqual(client.wait(), 0, client.text())
        self.assertIn(b"200 ok", client.stdout())

    def need_curl(self):
        if not shutil.which("curl"):
            self.skipTest("needs curl")
        return ["curl", "-s", "-k", "--max-time", str(harness.DEADLINE)]

    def test_openssl_client(self):
        self.serve_openssl(self.pair.far, FAR_IP)
        capture = self.start("--tls-keylog", self.log)
        for version in ("-tls1_3", "-tls1_2"):
            self.ask_openssl(self.pair.near, FAR_IP, version[1:], version, "-keylogfile", self.log)
        capture.finish()
        self.assert_requests(self.path("out.pcapng"), ["/tls1_3", "/tls1_2"])

    def test_openssl_server(self):
        """Where the secrets are those of a server."""
        self.serve_openssl(self.pair.near, NEAR_IP, "-keylogfile", self.log)
        capture = self.start("--tls-keylog", self.log)
        for version in ("-tls1_3", "-tls1_2"):
            self.ask_openssl(self.pair.far, NEAR_IP, version[1:], version)
        capture.finish()
        self.assert_requests(self.path("out.pcapng"), ["/tls1_3", "/tls1_2"])

    def test_curl(self):
        """As a command of ours, which is told where to log."""
        curl = self.need_curl()
        self.serve()
        if harness.SLOWNESS > 1:  # a client that is loaded first takes longer than xdptap waits for its secrets
            self.run_curl(curl, "before")
        status, out, err = xdptap("-q", "-w", self.path("out.pcapng"), "--", *curl, f"https://{FAR_IP}/curl",
                                  namespace=self.pair.near)
        self.assertEqual((status, out), (0, b"secret"), err)
        self.assert_requests(self.path("out.pcapng"), ["/curl"])

    def test_curl_in_rotated_files(self):
        """Each can be decrypted alone."""
        curl = self.need_curl()
        self.serve()
        capture = self.start("--tls-keylog", self.log, "-b", "duration:3600", file="cap.pcapng")
        for number in range(3):
            self.run_curl(curl, number)
            self.rotate(capture, number + 1)
        capture.signal()
        self.assertEqual(capture.wait(), 0, capture.text())
        files = sorted(name for name in os.listdir(self.folder) if name.startswith("cap_"))
        self.assertEqual([self.requests(self.path(f)) for f in files], [["/0"], ["/1"], ["/2"], []])

    def run_curl(self, curl, path):
        with net.Process([*curl, f"https://{FAR_IP}/{path}"], self.pair.near,
                         env=dict(os.environ, SSLKEYLOGFILE=self.log)) as client:
            self.assertEqual(client.wait(), 0, client.text())
            self.assertEqual(client.stdout(), b"secret")

    def test_curl_live(self):
        """In the pipe to Wireshark."""
        curl = self.need_curl()
        self.serve()
        tshark = self.live_tshark()
        for path in ("first", "second"):
            self.run_curl(curl, path)
            harness.wait_until(lambda: f"GET /{path} HTTP/1.1".encode() in tshark.stdout(), "the request")
        tshark.signal()
        self.assertEqual(tshark.wait(), 0, tshark.text())

    def serve_http2(self):
        if not shutil.which("nghttpd"):
            self.skipTest("needs nghttpd")
        certificate = make_certificate(self.folder)
        with open(self.path("page"), "wb") as file:
            file.write(b"secret")
        self.enterContext(net.Process(["nghttpd", "-a", FAR_IP, "-d", self.folder, "443", certificate + ".key",
                                       certificate], self.pair.far))
        harness.wait_until(self.listens, "the server")

    def listens(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            return client.connect_ex((FAR_IP, 443)) == 0

    def test_http2_live(self):
        """Several requests on one connection, while it is open: a line of each, with its path, and of the page."""
        curl = self.need_curl()
        self.serve_http2()
        tshark = self.live_tshark()
        with net.Process([*curl, *(f"https://{FAR_IP}/page?{number}" for number in range(3))], self.pair.near,
                         env=dict(os.environ, SSLKEYLOGFILE=self.log)) as client:
            self.assertEqual((client.wait(), client.stdout()), (0, b"secret" * 3), client.text())
        for number in range(3):
            harness.wait_until(lambda n=number: f"GET /page?{n}".encode() in tshark.stdout(), "the request")
        harness.wait_until(lambda: b"200 OK" in tshark.stdout() and b"DATA" in tshark.stdout(), "the answer")
        tshark.signal()
        self.assertEqual(tshark.wait(), 0, tshark.text())


if __name__ == "__main__":
    harness.main()
