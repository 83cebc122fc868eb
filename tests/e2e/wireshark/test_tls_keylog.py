#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS secrets that programs log while a capture runs: in the capture, before what needs them, and nothing else."""
import os
import ssl
import time

import harness
import net
from captures import Capture
from program import NOBODY, xdptap
from tls import TlsCase

LATE_S, PATIENCE_S = 0.05, 0.2  # xdptap waits for 0.25 s
RANDOM = "0123456789abcdef" * 4
LINES = {
    "CLIENT_RANDOM": f"CLIENT_RANDOM {RANDOM} {'ab' * 48}",
    "TLS 1.3": f"SERVER_TRAFFIC_SECRET_0 {RANDOM} {'cd' * 32}",
    "upper case": f"CLIENT_HANDSHAKE_TRAFFIC_SECRET {RANDOM.upper()} {'CD' * 48}",
    "RSA": f"RSA 0123456789abcdef {'ab' * 48}",
}
OTHERS = ("", "# SSL/TLS secrets log file", "-----BEGIN PRIVATE KEY-----", "root:$6$salt$hash:19000:0:99999:7:::",
          f"CLIENT_RANDOM {RANDOM[1:]} {'ab' * 48}", f"CLIENT_RANDOM {RANDOM} {'ab' * 47}",
          f"CLIENT_RANDOM {RANDOM} {'xy' * 48}", f" CLIENT_RANDOM {RANDOM} {'ab' * 48}",
          f"CLIENT_RANDOM {RANDOM} {'ab' * 48} ", f"PASSWORD {RANDOM} {'ab' * 48}",
          f"CLIENT_TRAFFIC_SECRET_x {RANDOM} {'ab' * 32}", f"CLIENT_RANDOM  {RANDOM} {'ab' * 48}",
          f"CLIENT_RANDOM {RANDOM}\0{'ab' * 48}", "A" * 9000 + f" CLIENT_RANDOM {RANDOM} {'ab' * 48}")


class LogCase(TlsCase):
    def append(self, *lines, end="\n"):
        with open(self.log, "a", encoding="ascii") as file:
            file.write("\n".join(lines) + end)

    @staticmethod
    def lines(capture):
        return b"".join(block["data"] for block in capture.named("DSB")).decode().splitlines()

    def read_lines(self, capture):
        """Stops the capture after a frame; returns the secrets in it."""
        self.pair.send(1)
        capture.wait_packets(1)
        return self.lines(capture.finish())


class Decryption(LogCase):
    def test_http(self):
        """From the first request on, of each version, whatever the order of the connections is."""
        self.serve()
        capture = self.start("--tls-keylog", self.log)
        self.assertIn(b"secrets", capture.stderr())
        first = self.connect()
        second = self.connect(ssl.TLSVersion.TLSv1_2)
        for connection, name in ((second, "second"), (first, "first"), (second, "third")):
            self.ask(connection, name)
        capture.finish()
        self.assertEqual(self.requests(self.path("out.pcapng")), ["/second", "/first", "/third"])

    def test_through_a_fifo(self):
        self.serve()
        os.mkfifo(self.log)
        capture = self.start("--tls-keylog", self.log)
        self.ask(self.connect(), "first")
        self.ask(self.connect(), "second")
        capture.finish()
        self.assertEqual(self.requests(self.path("out.pcapng")), ["/first", "/second"])

    def test_logged_late(self):
        """A ServerHello waits a moment for the secrets, which its reader needs first."""
        self.serve()
        capture = self.start("--tls-keylog", self.log)
        for number in range(20):
            before = time.monotonic()
            connection = self.connect(log=self.path(f"late{number}"))
            time.sleep(LATE_S)
            self.append(self.read(self.path(f"late{number}")).decode())
            if time.monotonic() - before < PATIENCE_S:
                break
        else:
            self.skipTest("this machine makes no connection in less time than xdptap waits")
        self.ask(connection, "late")
        capture.finish()
        self.assertEqual(self.requests(self.path("out.pcapng")), ["/late"])

    def test_each_file(self):
        """A file has the secrets of its connections: those that were open when it began, and new ones."""
        self.serve()
        capture = self.start("--tls-keylog", self.log, "-b", "duration:3600", file="cap.pcapng")
        long = self.connect()
        short = self.connect()
        self.ask(long, "1")
        self.ask(short, "2")
        self.end(short)
        for number in range(3, 6):
            self.rotate(capture, number - 2)
            self.ask(long, number)
            self.ask(self.connect(), f"new{number}")
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        files = sorted(name for name in os.listdir(self.folder) if name.startswith("cap_"))
        self.assertEqual([self.requests(self.path(f)) for f in files],
                         [["/1", "/2"], ["/new3"], ["/new4"], ["/new5"]])
        ids = [sorted({line.split()[1] for line in self.lines(Capture(self.path(f)))}) for f in files]
        with open(self.log, encoding="ascii") as file:
            all_ids = list(dict.fromkeys(line.split()[1] for line in file if not line.startswith("#")))
        long_id, short_id, *new = all_ids
        self.assertEqual(ids, [sorted([long_id, short_id]), sorted([long_id, short_id, new[0]]),
                               sorted([long_id, *new[:2]]), sorted([long_id, *new[:3]])])

    def test_live(self):
        """In Wireshark's FIFO, and without a word on stderr."""
        self.serve()
        tshark = self.live_tshark()
        self.ask(self.connect(), "live")
        harness.wait_until(lambda: b"GET /live HTTP/1.1" in tshark.stdout(), "the request")
        tshark.signal()
        self.assertEqual(tshark.wait(), 0, tshark.text())
        self.assertNotIn(b"extcap pipe", tshark.stderr())


class Log(LogCase):
    def test_nothing_else_gets_in(self):
        capture = self.start("--tls-keylog", self.log)
        for other in OTHERS:
            self.append(other)
        self.append(*LINES.values(), end="\r\n")
        self.append(*OTHERS)
        self.assertEqual(self.read_lines(capture), list(LINES.values()))

    def test_half_a_line_waits(self):
        line = LINES["TLS 1.3"]
        capture = self.start("--tls-keylog", self.log)
        self.append(line[:100], end="")
        self.pair.send(1)
        capture.wait_packets(1)
        self.append(line[100:], end="")
        self.pair.send(1)
        capture.wait_packets(2)
        self.append("")
        self.pair.send(1)
        capture.wait_packets(3)
        types = [block.name for block in capture.finish().blocks]
        self.assertEqual(types.count("DSB"), 1)
        self.assertEqual([t for t in types if t in ("DSB", "EPB")], ["EPB", "EPB", "DSB", "EPB"])

    def test_old_lines_stay_out(self):
        self.append(LINES["RSA"])
        capture = self.start("--tls-keylog", self.log)
        self.append(LINES["TLS 1.3"])
        self.assertEqual(self.read_lines(capture), [LINES["TLS 1.3"]])

    def test_emptied_and_replaced(self):
        capture = self.start("--tls-keylog", self.log)
        self.append(LINES["RSA"], LINES["TLS 1.3"])
        self.pair.send(1)
        capture.wait_packets(1)
        with open(self.log, "w", encoding="ascii") as file:
            file.write(LINES["CLIENT_RANDOM"] + "\n")
        self.pair.send(1)
        capture.wait_packets(2)
        os.rename(self.log, self.path("old"))
        self.append(LINES["upper case"])
        self.pair.send(1)
        capture.wait_packets(3)
        self.assertEqual(self.lines(capture.finish()), [LINES[name] for name in (
            "RSA", "TLS 1.3", "CLIENT_RANDOM", "upper case")])


class Refusals(LogCase):
    def refuse(self, *options, words, status=1, **process):
        got, _, err = xdptap("-i", "near", "-w", self.path("x"), "--tls-keylog", self.log, *options,
                             namespace=self.pair.near, **process)
        self.assertEqual(got, status, err)
        self.assert_last_sentence(err, *words)

    def test_pcap(self):
        self.refuse("--format", "pcap", words=("--tls-keylog", "pcapng"), status=2)

    def test_not_a_file(self):
        os.mkdir(self.log)
        self.refuse(words=(self.log,))

    def test_rights_are_the_users(self):
        """Root reads it, the user that the capture belongs to does not."""
        self.append(LINES["RSA"])
        os.chmod(self.log, 0o600)
        os.chmod(self.folder, 0o777)
        self.refuse("--user", "nobody", words=(self.log,))
        os.chown(self.log, NOBODY, NOBODY)
        capture = self.start("--tls-keylog", self.log, "--user", "nobody")
        self.append(LINES["TLS 1.3"])
        self.assertEqual(self.read_lines(capture), [LINES["TLS 1.3"]])

    def test_the_output(self):
        self.refuse("-w", self.log, words=("--tls-keylog", self.log), status=2)


if __name__ == "__main__":
    harness.main()
