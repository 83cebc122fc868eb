#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an interface may be called: alternative names, numbers, and names of any bytes that the kernel accepts."""
import os
import re
import socket
import unicodedata

import harness
from program import Case, Extcap, Standalone, xdptap

ALTNAME = "the-interface-at-the-near-end-of-the-wire"
# Escape bytes, what ends a value of Wireshark's or quotes one of Prometheus's, no UTF-8, what looks like an option.
NAMES = tuple(os.fsdecode(name) for name in (
    b"\x1b[31mred", b'a}{b="c\\', b"\xff\xfe\x9b31m", "\N{NEXT LINE}\N{LINE SEPARATOR}\N{RIGHT-TO-LEFT OVERRIDE}x".encode(),
    b"-i", b"--help", b"7", "\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}".encode()))
SENTENCE = re.compile(r"(extcap|interface|control|value|arg|dlt) (\{[a-z]+=[^{}]*\})+")


def shown(name):
    """The name as a terminal gets it."""
    return "".join(c if c.isprintable() or c == "\N{REPLACEMENT CHARACTER}" else "?" for c in valid(name))


def valid(name):
    return os.fsencode(name).decode("utf-8", "replace")


class Names(Case):
    is_added = False

    def add(self, name):
        """Adds an interface of that name, which is up, in place of the last one."""
        if self.is_added:
            self.pair.near.ip("link", "del", "dev", "peer")
        self.is_added = True
        self.pair.near.ip("link", "add", "name", name, "type", "veth", "peer", "name", "peer")
        for interface in name, "peer":
            self.pair.near.ip("link", "set", "dev", interface, "up")

    def number(self, name):
        """Its number in -D, which has a line for it."""
        status, out, err = xdptap("-D", namespace=self.pair.near)
        self.assertEqual((status, err), (0, b""))
        self.assert_harmless(out)
        return next(int(line.split(".")[0]) for line in out.decode().splitlines()
                    if line.partition(" ")[2].startswith(shown(name) + " "))

    def capture(self, shown_as, *interfaces, options=()):
        """Starts a capture that shows these names."""
        arguments = [argument for interface in interfaces for argument in ("-i", interface)]
        capture = self.enterContext(Standalone(self.pair.near, self.path("out.pcapng"), *arguments, *options))
        for name in shown_as:
            capture.wait_for(f"Capturing on '{name}'\n")
        return capture

    def assert_captures(self, interface, name, *options):
        """What is captured by the first name has the second one, which is the kernel's, on the terminal and in the file."""
        capture = self.capture([shown(name)], interface, options=options)
        finished = capture.finish()
        self.assertEqual([i.option("if_name") for i in finished.interfaces], [valid(name)])
        self.assert_harmless(capture.stderr())

    def assert_harmless(self, text):
        """Nothing in it controls a terminal."""
        self.assertFalse([c for c in text.decode().replace("\n", "") if unicodedata.category(c)[0] == "C"], text)

    def assert_refused(self, *interfaces):
        """As a usage error."""
        arguments = [argument for interface in interfaces for argument in ("-i", interface)]
        status, _, err = xdptap(*arguments, "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 2)
        self.assert_sentence(err, "given twice")

    def extcap_names(self):
        """{name on the terminal: name for Wireshark}, each from a sentence that Wireshark can read."""
        status, out, err = xdptap("--extcap-interfaces", namespace=self.pair.near)
        self.assertEqual((status, err), (0, b""))
        self.assert_harmless(out)
        for line in out.decode().splitlines():
            self.assertRegex(line, SENTENCE)
        return {display: value for value, display in
                re.findall(r"^interface {value=([\w.-]+)}{display=XDP tap on ([^,}]*)", out.decode(), re.MULTILINE)}

    def assert_extcap_captures(self, interface, name):
        """Wireshark's name leads to the interface, for questions and for a capture."""
        for question, word in (("--extcap-dlts", b"EN10MB"), ("--extcap-config", b"--snaplen")):
            status, out, err = xdptap("--extcap-interface", interface, question, namespace=self.pair.near)
            self.assertEqual((status, err), (0, b""))
            self.assertIn(word, out)
        extcap = self.enterContext(Extcap(self.pair.near, self.path(f"fifo-{interface}"),
                                          interface=interface.removeprefix("xdptap-")))
        extcap.open()
        self.assertEqual([i.option("if_name") for i in extcap.finish().interfaces], [valid(name)])

    def test_altname(self):
        self.pair.near.ip("link", "property", "add", "dev", "near", "altname", ALTNAME)
        self.assert_captures(ALTNAME, "near")
        self.assert_extcap_captures(f"xdptap-{ALTNAME}", "near")
        self.assert_refused("near", ALTNAME)

    def test_number(self):
        self.assert_captures(str(self.number("near")), "near")
        self.assert_captures(str(self.number("lo")), "lo")
        status, _, err = xdptap("-i", "99", "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "no such interface", "99")

    def test_name_that_is_a_number(self):
        """As with tcpdump, a name comes before a number."""
        number = str(self.number("near"))
        self.add(number)
        self.assert_captures(number, number)

    def test_name_that_is_any(self):
        """It has a number, and in Wireshark an index."""
        self.add("any")
        self.assert_captures(str(self.number("any")), "any")
        self.assert_extcap_captures(self.extcap_names()["any"], "any")
        capture = self.capture(["any"], "any")
        self.assertLess(1, len(capture.finish().interfaces))

    def test_any_and_a_name(self):
        for interfaces in ("any", "near"), ("near", "any"):
            with self.subTest(interfaces):
                capture = self.capture(interfaces, *interfaces)
                names = [i.option("if_name") for i in capture.finish().interfaces]
                self.assertEqual(sorted(names), ["lo", "near"])
        self.assert_refused("any", "any")
        self.assert_refused("near", "any", "near")

    def test_any_bytes(self):
        for name in NAMES:
            with self.subTest(name):
                self.add(name)
                stats = self.path("stats.prom")
                self.assert_captures(name, name, "--stats-file", stats)
                with open(stats, encoding="utf-8") as file:
                    labels = re.findall(r'^xdptap_frames_seen_total{interface="((?:[^"\\\n]|\\["\\n])*)"} \d+$',
                                        file.read(), re.MULTILINE)
                self.assertEqual([re.sub(r"\\(.)", r"\1", label) for label in labels], [valid(name)])
                self.assert_captures(str(self.number(name)), name)
                index = self.pair.near.inside(lambda name=name: socket.if_nametoindex(name))
                ours = [value for value in self.extcap_names().values() if value in (f"xdptap-{name}", f"xdptap-ifindex-{index}")]
                self.assertEqual(len(ours), 1)
                self.assert_extcap_captures(ours[0], name)

    def test_unknown_name_on_a_terminal(self):
        status, _, err = xdptap("-i", NAMES[0], "-w", self.path("x"), namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "no such interface", shown(NAMES[0]))

    def test_list_of_another_namespace(self):
        status, out, err = xdptap("-D", "--netns", self.pair.near.name)
        self.assertEqual((status, err), (0, b""))
        self.assertEqual(out, xdptap("-D", namespace=self.pair.near)[1])
        number = str(self.number("near"))
        with Standalone(None, self.path("other.pcapng"), "-i", number, "--netns", self.pair.near.name) as capture:
            capture.wait_for("Capturing on 'near'")
            self.assertEqual(capture.finish().interfaces[0].option("if_name"), "near")


harness.main()
