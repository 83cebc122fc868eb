#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other people's tc programs, filters and qdiscs: what xdptap sees next to them, and that they stay as they are."""
import errno
import socket
import subprocess

import harness
import net
import tcprograms
from program import Case, Standalone, xdptap
from tcprograms import ACCEPT, DROP, NEXT, REDIRECT, REDIRECT_PEER, order, seen

MATCH_ALL = ("u32", "match", "u32", "0", "0")
ACCEPT_ALL = (*MATCH_ALL, "flowid", "1:1")


class Neighbours(Case):
    def setUp(self):
        super().setUp()
        self.pair.add("near2", "far2")

    def attach(self, direction, interface="near", preference=1):
        """The program at the place that this kernel prefers."""
        if net.has_tcx():
            tcprograms.attach_tcx(self, self.pair.near, interface, direction)
        else:
            tcprograms.add_filter(self.pair.near, interface, direction, preference=preference)

    def orders(self):
        """One frame of each kind."""
        other = self.pair.near.link("near2")["ifindex"]
        return [order(verdict, number, other)
                for number, verdict in enumerate((NEXT, ACCEPT, DROP, REDIRECT, NEXT))]

    def receiver(self, interface):
        end = self.pair.near if interface.startswith("near") else self.pair.far
        receiver = end.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(net.ETHERTYPE),
                              bind=(interface, net.ETHERTYPE))
        receiver.settimeout(harness.DEADLINE)
        self.addCleanup(receiver.close)
        return receiver


class Received(Neighbours):
    def check(self, *quiet):
        """Every frame is captured as it came, and meets the other program as before."""
        orders = self.orders()
        capture = self.start("--point", "tc", "-Q", "in")
        for words in quiet or (b"meets received frames",):
            self.assertNotIn(words, capture.stderr())
        with self.receiver("far2") as redirected:
            self.pair.send_all(orders)
            self.assertEqual(redirected.recv(2000), seen(orders[3]))
        capture.wait_packets(len(orders))
        self.assertEqual(capture.finish().data(), orders)

    def test_program_that_was_there(self):
        self.attach("ingress")
        self.check()

    def test_filter_that_was_there(self):
        tcprograms.add_filter(self.pair.near, "near", "ingress")
        before = tcprograms.filters(self.pair.near, "near", "ingress")
        self.check()
        self.assertEqual(tcprograms.filters(self.pair.near, "near", "ingress"), before)

    def test_filters_with_other_priorities(self):
        """Later than ours, wherever they are."""
        for preference in (2, 8, 100, 49152):
            with self.subTest(preference):
                tcprograms.add_filter(self.pair.near, "near", "ingress", preference=preference)
                self.check()
                self.pair.near.run("tc", "qdisc", "del", "dev", "near", "clsact")

    def test_filter_in_front(self):
        """Of another kind, with the first of all priorities: no filter comes before it, but a tcx program."""
        tcprograms.add_filter(self.pair.near, "near", "ingress", "protocol", "all", *ACCEPT_ALL)
        capture = self.start("--point", "tc", "-Q", "in")
        if net.has_tcx():
            self.pair.send(3)
            capture.wait_packets(3)
        else:
            self.assert_sentence(capture.stderr().splitlines(keepends=True)[0], 'tc filter "u32" (pref 1)',
                                 'received frames on "near" first')
        capture.finish()
        self.assertIn("u32", tcprograms.filters(self.pair.near, "near", "ingress"))

    def test_filter_comes_later(self):
        """A capture keeps no administrator from adding a filter of any kind, with the usual priorities."""
        capture = self.start("--point", "tc")
        for direction in ("ingress", "egress"):
            for preference in (1, 2, 10, 100):
                tcprograms.add_filter(self.pair.near, "near", direction, "protocol", "ip", *ACCEPT_ALL,
                                      preference=preference)
        capture.finish()
        for direction in ("ingress", "egress"):
            text = tcprograms.filters(self.pair.near, "near", direction)
            for preference in (1, 2, 10, 100):
                self.assertIn(f"pref {preference} ", text)
            self.assertNotIn("tap_tc", text)


class Sent(Neighbours):
    def send(self, frames):
        """The sender of a frame that tc drops is told so."""
        with self.pair.sender("near") as sender:
            for frame in frames:
                try:
                    sender.send(frame)
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOBUFS)

    def test_program_in_front(self):
        """What it sends elsewhere or drops does not leave here, and is not captured; a line says so."""
        self.attach("egress")
        orders = self.orders()
        capture = self.start("-Q", "out")
        self.assert_sentence(capture.stderr().splitlines(keepends=True)[0], tcprograms.NAME,
                             'sent frames on "near" first', "not captured")
        with self.receiver("far") as far:
            self.send(orders)
            self.assertEqual([far.recv(2000) for _ in range(3)],
                             [seen(orders[n]) for n in (0, 1, 4)])
        capture.wait_packets(2)
        self.assertEqual(capture.finish().data(), [seen(orders[0]), seen(orders[4])])

    def test_filter_after_us(self):
        """On kernels with tcx, filters come last: frames are captured as they were before."""
        tcprograms.add_filter(self.pair.near, "near", "egress")
        before = tcprograms.filters(self.pair.near, "near", "egress")
        orders = self.orders()
        capture = self.start("-Q", "out")
        line = capture.stderr().splitlines(keepends=True)[0]
        self.send(orders)
        if net.has_tcx():
            self.assert_sentence(line, "tc filter", "(pref 1)", 'comes after the capture on "near"')
            capture.wait_packets(len(orders))
            self.assertEqual(capture.finish().data(), orders)
        else:
            self.assert_sentence(line, "tc filter", 'sent frames on "near" first')
            capture.wait_packets(2)
            self.assertEqual(capture.finish().data(), [seen(orders[0]), seen(orders[4])])
        self.assertEqual(tcprograms.filters(self.pair.near, "near", "egress"), before)

    def test_netem(self):
        try:
            self.pair.near.run("tc", "qdisc", "add", "dev", "near", "root", "netem", "loss", "100%")
        except subprocess.CalledProcessError as error:
            self.skipTest(f"this kernel has no netem: {error}")
        capture = self.start("-Q", "out")
        self.assert_sentence(capture.stderr().splitlines(keepends=True)[0], 'qdisc "netem"',
                             'after the capture on "near"')
        self.pair.send(3, interface="near")
        capture.wait_packets(3)
        capture.finish()


class Later(Neighbours):
    def test_in_front(self):
        """A program that attaches in front of a running capture is told of, once, in each direction."""
        if not net.has_tcx():
            self.skipTest("needs Linux 6.6")
        capture = self.start("--point", "tc", interface="any")
        sentences = []
        for interface in ("near", "near2"):
            for direction, word in (("ingress", "received"), ("egress", "sent")):
                tcprograms.attach_tcx(self, self.pair.near, interface, direction, tcprograms.BEFORE)
                sentences.append(f' was attached and meets {word} frames on "{interface}" first')
                capture.wait_for(sentences[-1])
        text = capture.stderr().decode()
        self.assertEqual([text.count(sentence) for sentence in sentences], [1] * 4)
        for line in capture.stderr().splitlines(keepends=True):
            if b"was attached" in line:
                self.assert_sentence(line, "tc program ", "no longer captured")
        capture.finish()

    def test_in_front_of_a_newcomer(self):
        """Likewise where an interface has just joined; what was there before is told of once."""
        if not net.has_tcx():
            self.skipTest("needs Linux 6.6")
        log = self.path("log")
        capture = self.start("--point", "tc", "--log-file", log, "--log-level", "info", interface="any")
        self.pair.near.ip("link", "add", "near3", "type", "veth", "peer", "name", "far3", "netns", self.pair.far.name)
        tcprograms.attach_tcx(self, self.pair.near, "near3", "egress")
        self.pair.near.ip("link", "set", "near3", "up")
        harness.wait_until(lambda: "near3: received frames at" in open(log, encoding="utf-8").read(), "near3 to join")
        tcprograms.attach_tcx(self, self.pair.near, "near3", "ingress", tcprograms.BEFORE)
        capture.wait_for(' was attached and meets received frames on "near3" first')
        text = capture.stderr().decode()
        self.assertEqual(text.count('meets sent frames on "near3" first'), 1)
        self.assertNotIn('was attached and meets sent frames on "near3"', text)
        capture.finish()


class Several(Neighbours):
    def test_three_taps(self):
        """They stand around somebody's program, all see the same, and do not count as each other's neighbours."""
        first = self.start("--point", "tc", file="first")
        self.attach("ingress", preference=100)
        self.attach("egress", preference=100)
        second = self.start("--point", "tc", file="second")
        third = self.start("--point", "tc", file="third")
        sent, received = self.orders()[:1], [order(ACCEPT, 7), order(NEXT, 8)]
        self.pair.send_all(sent, "near")
        self.pair.send_all(received)
        for capture in (second, third):
            capture.wait_packets(3)
            self.assertEqual(capture.stderr().count(tcprograms.NAME.encode()), 1)
            self.assertEqual(sorted(capture.finish().data()), sorted([seen(sent[0]), *received]))
        first.wait_packets(3)
        leaving = sent[0] if net.has_tcx() else seen(sent[0])  # filters have priorities, whenever they come
        self.assertEqual(sorted(first.finish().data()), sorted([leaving, *received]))

    def test_without_others(self):
        """A second capture has nothing to say about the first."""
        self.start("--point", "tc", file="first")
        second = self.start("--point", "tc", file="second")
        self.assertNotIn(b"first", second.stderr())


class PastTheHook(Neighbours):
    """Frames that a hook does not see, and the point that does."""

    def test_redirect_peer(self):
        """Into the other namespace past its driver: not at XDP in native mode, but at tc."""
        self.attach("ingress")
        frame = order(REDIRECT_PEER, 1, self.pair.near.link("near2")["ifindex"])
        captures = [self.enterContext(program) for program in (
            self.far_capture("native", "--mode", "native"), self.far_capture("tc", "--point", "tc"))]
        with self.receiver("far2") as receiver:
            self.pair.send_all([frame])
            self.assertEqual(receiver.recv(2000), seen(frame))
        captures[1].wait_packets(1)
        self.assertEqual([capture.finish().data() for capture in captures], [[], [seen(frame)]])

    def far_capture(self, name, *options):
        capture = Standalone(self.pair.far, self.path(name), "-i", "far2", "-Q", "in", *options)
        capture.wait_for("Capturing on")
        return capture

    def test_mirred(self):
        """Into the receive path of another interface: past generic XDP, but not past tc."""
        try:
            tcprograms.add_filter(self.pair.near, "near", "ingress", "protocol", "all", *MATCH_ALL, "action",
                                  "mirred", "ingress", "redirect", "dev", "near2")
        except subprocess.CalledProcessError as error:
            self.skipTest(f"this kernel has no mirred: {error}")
        generic = self.start("-Q", "in", "--mode", "generic", interface="near2", file="generic")
        tc = self.start("-Q", "in", "--point", "tc", interface="near2", file="tc")
        sent = self.pair.send(3)
        tc.wait_packets(3)
        self.assertEqual(tc.finish().data(), sent)
        self.assertEqual(generic.finish().data(), [])


class IngressQdisc(Neighbours):
    def test_old_qdisc(self):
        """The forerunner of clsact has no way out; without tcx a capture says so instead of seeing the wrong frames."""
        self.pair.near.run("tc", "qdisc", "add", "dev", "near", "ingress")
        if net.has_tcx():
            capture = self.start("-Q", "out")
            self.pair.send(2, interface="near")
            capture.wait_packets(2)
            capture.finish()
        else:
            status, _, err = xdptap("-i", "near", "-Q", "out", "-w", self.path("x"), namespace=self.pair.near)
            self.assertEqual(status, 1)
            self.assert_sentence(err, "near", '"ingress"', "clsact", "-Q in")
        self.assertIn("ingress", self.pair.near.run("tc", "qdisc", "show", "dev", "near"))


if __name__ == "__main__":
    harness.main()
