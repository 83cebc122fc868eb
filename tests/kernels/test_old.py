#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kernels before Linux 5.18, too old for the XDP program: a clear message, and --point tc works."""
import os
import socket
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e", "lib"))
import harness  # noqa: E402, because of the path
import net  # noqa: E402
from captures import Capture  # noqa: E402
from owners import PORT, UDP, OwnersCase  # noqa: E402
from program import Case, xdptap  # noqa: E402

SENTENCE = "this kernel is too old: Linux 5.18 or newer is needed"
NO_REASONS = "this kernel does not say why it drops packets", "Linux 6.1 or newer"


class Old(Case):
    def test_standalone_refuses(self):
        for options in ((), ("--mode", "native"), ("--mode", "generic"), ("-f", "udp")):
            with self.subTest(options):
                status, out, err = xdptap("-i", "near", "-w", self.path("x"), *options,
                                          namespace=self.pair.near)
                self.assertEqual((status, out), (1, b""))
                self.assert_sentence(err, SENTENCE, "--point tc")
        self.assertFalse(os.path.exists(self.path("x")))
        self.assert_free()

    def test_extcap_refuses(self):
        extcap = self.extcap()
        extcap.connect()
        self.assertEqual(extcap.read_rest(), 1)
        self.assertEqual((extcap.stream, extcap.stdout()), (b"", b""))
        self.assert_sentence(extcap.stderr(), SENTENCE)
        self.assert_free()

    def test_drops_are_refused(self):
        """These kernels do not say why they drop packets."""
        for options in (("-i", "near", "--point", "drop"), ("-i", "any", "--point", "drop", "--reason", "NO_SOCKET"),
                        ("-i", "near", "--point", "tc", "--with-drops")):
            with self.subTest(options):
                status, out, err = xdptap(*options, "-w", self.path("x"), namespace=self.pair.near)
                self.assertEqual((status, out), (1, b""))
                self.assert_sentence(err, *NO_REASONS)
                self.assertFalse(os.path.exists(self.path("x")))
        status, out, err = xdptap("--list-reasons")
        self.assertEqual((status, out), (1, b""))
        self.assert_sentence(err, *NO_REASONS)
        extcap = self.extcap(interface="drops")
        extcap.connect()
        self.assertEqual(extcap.read_rest(), 1)
        self.assertEqual((extcap.stream, extcap.stdout()), (b"", b""))
        self.assert_sentence(extcap.stderr(), *NO_REASONS)
        self.assert_free()

    def test_the_rest_answers(self):
        for arguments in (("-D",), ("-d", "-f", "tcp port 80"), ("--extcap-interfaces",)):
            with self.subTest(arguments):
                status, out, err = xdptap(*arguments, namespace=self.pair.near)
                self.assertEqual((status, err), (0, b""))
                self.assertTrue(out)

    def test_tc(self):
        """Both directions, with a filter in the kernel, and nothing is left."""
        capture = self.start("--point", "tc", "-f", "icmp")
        self.pair.send(3)
        self.pair.ping(4)
        capture.wait_packets(8)
        counters = capture.finish().counters()
        self.assertEqual([counters[name] for name in ("filteraccept", "usrdeliv", "osdrop")], [8, 8, 0])
        self.assertEqual(counters["ifrecv"], 11)
        self.assertEqual(self.pair.near.ip("-j", "link", "show", "near", "type", "veth").count("xdp"), 0)

    def test_tc_takes_all_sizes(self):
        sizes = (14, 60, 64, 65, 513, 1024, 1500, 1514)
        capture = self.start("--point", "tc", "--direction", "in")
        sent = [self.pair.send(1, size)[0] for size in sizes]
        capture.wait_packets(len(sizes))
        self.assertEqual(capture.finish().data(), sent)


class Process(OwnersCase):
    """At tc these kernels tell whose a frame is, sent or received, also in the kernel's filter."""

    def ask(self):
        with self.pair.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(harness.DEADLINE)
            client.sendto(b"question", (net.FAR_IP, PORT))
            client.recv(100)

    def owners(self, capture):
        return [(frame.is_sent, frame.pid) for frame in self.owned(capture) if frame.protocol == UDP]

    def test_of_each_frame(self):
        self.answer_datagrams()
        capture = self.start("--point", "tc", "--process")
        self.ask()
        capture.wait_packets(2)
        self.assertEqual(self.owners(capture), [(True, os.getpid()), (False, os.getpid())])

    def test_filter(self):
        self.answer_datagrams()
        capture = self.start("--point", "tc", "--pid", str(os.getpid()))
        self.pair.ping(3)
        self.ask()
        capture.wait_packets(2)
        self.assertEqual(self.owners(capture), [(True, os.getpid()), (False, os.getpid())])

    def test_command(self):
        """From its first frame on, and with its exit status."""
        status, _, err = xdptap("--point", "tc", "-w", self.path("x"), "--", "bash", "-c",
                                f"echo question >/dev/udp/{net.FAR_IP}/{PORT}; exit 7", namespace=self.pair.near)
        self.assertEqual(status, 7, err)
        self.assertEqual([frame.is_sent for frame in self.owned(Capture(self.path("x")))][:1], [True])


if __name__ == "__main__":
    harness.main()
