#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wireshark's queries before a capture: answered for any user, without side effects, in sentences that parse
whatever the interfaces are called."""
import os
import re

import harness
import sentences
from net import Process
from program import NOBODY, Case, xdptap

# Possible names and aliases of interfaces.
HOSTILE = [b"} {value=evil}", b"}{display=evil", b"a}{b} c", b"{", b"}", b"{}", b"line\nfeed",
           b"return\rtab\t", b"arg {number=0}", b"\nextcap {version=666}\n", "Büro – Küche".encode(),
           b"invalid \xff\xfe\x80 UTF-8", b"trailing }", b"\\}", b"%s%n", b"x" * 255]
NAMES = [b"eth0.100", b"eth0@1", b"fifteen-letters", "é".encode(), b"\xff\xfe", b"x}{y", b"{z}", b"-i",
         b"a=b", b"_", b"any", b"ifindex-1"]


class Queries(Case):
    def setUp(self):
        super().setUp()
        self.program = self.everybodys()

    def query(self, *arguments, status=0):
        """Asks as user nobody, in an empty folder that stays empty."""
        empty = self.path("empty")
        os.makedirs(empty, exist_ok=True)
        os.chown(empty, NOBODY, NOBODY)
        with Process([self.program, *arguments], self.pair.near, user=NOBODY, cwd=empty,
                     env={"HOME": empty, "TMPDIR": empty}) as process:
            self.assertEqual(process.wait(), status, process.text())
            out, err = process.stdout(), process.stderr()
        self.assertEqual(os.listdir(empty), [])
        if status == 0:
            self.assertEqual(err, b"")
        else:
            self.assertEqual(out, b"")
        return out if status == 0 else err

    def interfaces(self):
        return sentences.named(self.query("--extcap-interfaces"), "interface")

    def options(self):
        out = self.query("--extcap-config", "--extcap-interface", "xdptap-near")
        return sentences.named(out, "arg"), sentences.named(out, "value")

    def test_versions(self):
        for version in ("--extcap-version=4.0", "--extcap-version=4.4", "--extcap-version=99.0", None):
            with self.subTest(version):
                out = self.query("--extcap-interfaces", *([version] if version else []))
                first, *others = sentences.parse(out)
                self.assertEqual(first.keyword, "extcap")
                self.assertRegex(first.values["version"], r"^\d+\.\d+")
                self.assertEqual({s.keyword for s in others}, {"interface", "control", "value"})

    def test_names_are_ours(self):
        self.assertEqual({i["value"] for i in self.interfaces()},
                         {"xdptap-any", "xdptap-drops", "xdptap-lo", "xdptap-near"})
        near, = (i for i in self.interfaces() if i["value"] == "xdptap-near")
        self.assertTrue(near["display"].startswith("XDP tap on near"))

    def test_descriptions(self):
        """Driver, bridge and state of each interface; those that are up and have a link come first."""
        ip = self.pair.near.ip
        ip("link", "add", "bridge", "type", "bridge")
        ip("link", "set", "near", "master", "bridge")
        ip("link", "add", "dead", "type", "veth", "peer", "name", "far2", "netns", self.pair.far.name)
        ip("link", "set", "dead", "up")
        harness.wait_until(lambda: self.pair.near.link("dead")["operstate"] == "LOWERLAYERDOWN", "a dead link")
        displays = {i["value"]: i["display"] for i in self.interfaces()}
        self.assertEqual(displays["xdptap-near"], "XDP tap on near, veth, in bridge")
        self.assertEqual(displays["xdptap-bridge"], "XDP tap on bridge, bridge, down")
        self.assertEqual(displays["xdptap-dead"], "XDP tap on dead, veth, no link")
        self.assertEqual(displays["xdptap-lo"], "XDP tap on lo")
        self.assertEqual(list(displays), ["xdptap-any", "xdptap-drops", "xdptap-lo", "xdptap-near",
                                          "xdptap-dead", "xdptap-bridge"])

    def test_hostile_descriptions(self):
        for alias in HOSTILE:
            with self.subTest(alias):
                self.pair.near.ip("link", "set", "dev", "near", "alias", alias)
                near = [i for i in self.interfaces() if i["value"] == "xdptap-near"]
                self.assertEqual(len(near), 1)
                self.assertNotRegex(near[0]["display"], r"[{}\r\n\t]")
                self.assertEqual(len(self.interfaces()), 4)
        self.pair.near.ip("link", "set", "dev", "near", "alias", "uplink to Köln")
        self.assertIn("(uplink to Köln)", [i["display"] for i in self.interfaces()
                                           if i["value"] == "xdptap-near"][0])

    def test_hostile_names(self):
        for name in NAMES:
            self.pair.near.ip("link", "add", "name", name, "type", "bridge")
        names = [i["value"] for i in self.interfaces()]
        self.assertEqual(len(names), len(NAMES) + 4)
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^xdptap-[A-Za-z0-9._-]+$")
            sentences.parse(self.query("--extcap-dlts", "--extcap-interface", name))
            sentences.parse(self.query("--extcap-config", "--extcap-interface", name))

    def test_as_wireshark_checks_extcaps(self):
        """The steps of Wireshark's own extcap tests."""
        self.assertEqual(xdptap("--help")[0], 0)
        for interface in self.interfaces():
            for question in ("--extcap-dlts", "--extcap-config"):
                self.query(question, "--extcap-interface", interface["value"])

    def test_dlts(self):
        for interface in self.interfaces():
            dlt, = sentences.named(
                self.query("--extcap-dlts", "--extcap-interface", interface["value"]), "dlt")
            self.assertEqual((dlt["number"], dlt["name"]), ("1", "EN10MB"))

    def test_unknown_interface(self):
        for name in ("xdptap-none", "near", "xdptap-", "", "xdptap-near "):
            for question in ("--extcap-dlts", "--extcap-config"):
                with self.subTest(name):
                    err = self.query(question, "--extcap-interface", name, status=1)
                    self.assert_sentence(err, "interface")

    def test_no_interface(self):
        for question in ("--extcap-dlts", "--extcap-config"):
            self.assert_sentence(self.query(question, status=2), "--extcap-interface")

    def test_filters(self):
        for text in ("", "icmp", "tcp port 80 and host 10.0.0.1", "ether proto 0x88b5", "vlan 5",
                     "greater 100", "(((ip)))"):
            with self.subTest(text):
                self.assertEqual(b"", self.query("--extcap-capture-filter", text,
                                                 "--extcap-interface", "xdptap-near"))
        for text in ("tcp prot 80", "(", "port 99999", "frame.number == 1", "\xff", "ip6 protochain 6", "host ..", "}{"):
            with self.subTest(text):
                out = self.query("--extcap-capture-filter", text, "--extcap-interface", "xdptap-near")
                self.assertEqual(out.count(b"\n"), 1)
                self.assertGreater(len(out.strip()), 5)

    def test_options(self):
        """Nothing that Wireshark 4.0 or later would ignore or misread."""
        arguments, values = self.options()
        numbers = [a["number"] for a in arguments]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertNotIn("group", next(a for a in arguments if a["number"] == "0"))
        keys = [a["call"].replace("-", "").lower() for a in arguments]
        self.assertEqual(len(keys), len(set(keys)), "one preference for two options")
        for argument in arguments:
            with self.subTest(argument["call"]):
                self.check_option(argument, [v for v in values if v["arg"] == argument["number"]])
        self.assertEqual({v["arg"] for v in values} - set(numbers), set())

    def check_option(self, argument, values):
        kind = argument["type"]
        self.assertIn(kind, sentences.TYPES)
        self.assertTrue(argument["call"].startswith("--"))
        self.assertTrue(argument.get("tooltip"))
        self.assertNotEqual(argument.get("save"), "false")
        self.assertFalse("required" in argument and "default" in argument)
        if kind in ("integer", "unsigned", "long", "double"):
            low, high = (int(n) for n in argument["range"].split(","))
            self.assertTrue(low <= int(argument["default"]) <= high < 2**31)
        if kind in ("boolean", "boolflag"):
            self.assertIn(argument["default"], ("true", "false"))
        if kind in ("selector", "radio"):
            self.assertEqual(sum(v.get("default") == "true" for v in values), 1)
        elif kind == "multicheck":  # as a list separated by commas
            self.assertFalse([v for v in values if "," in v["value"] or "default" in v])
        else:
            self.assertEqual(values, [])

    def test_tshark_options_are_explained(self):
        """tshark's own -s, -p and -B do not reach an extcap program, and the texts say so."""
        arguments, _ = self.options()
        snaplen, = (a for a in arguments if a["call"] == "--snaplen")
        self.assertRegex(snaplen["tooltip"], r"-s\b")

    def test_announced_defaults_are_our_own(self):
        arguments, values = self.options()
        spelled = []
        for argument in arguments:
            chosen = [v["value"] for v in values
                      if v["arg"] == argument["number"] and v.get("default") == "true"]
            default = (chosen or [argument.get("default", "")])[0]
            if argument["type"] != "boolflag" and default:
                spelled += [argument["call"], default]
        self.assertGreaterEqual(len(spelled), 8)
        self.assertEqual(xdptap("--print-config", *spelled), xdptap("--print-config"))

    def test_reload(self):
        out = self.query("--extcap-config", "--extcap-interface", "xdptap-near",
                         "--extcap-reload-option", "mode", "--snaplen", "64", "true")
        arguments, _ = self.options()
        mode, = (a for a in arguments if a["call"] == "--mode")
        answer = sentences.parse(out)
        self.assertEqual({s.keyword for s in answer}, {"value"})
        self.assertEqual({s.values["arg"] for s in answer}, {mode["number"]})
        self.assertEqual(b"", self.query("--extcap-config", "--extcap-interface", "xdptap-near",
                                         "--extcap-reload-option", "snaplen"))

    def test_calls_of_later_wiresharks(self):
        self.assertEqual(self.query("--extcap-cleanup-postkill"), b"")
        self.assertEqual(self.query("--extcap-interface", "xdptap-near", "--extcap-config-option-name",
                                    "x", "--extcap-config-option-value", "y"), b"")

    def test_capture_without_fifo(self):
        err = self.query("--capture", "--extcap-interface", "xdptap-near", status=2)
        self.assert_sentence(err, "--fifo")

    def test_many_interfaces(self):
        batch = "".join(f"link add many{n} type bridge\n" for n in range(300))
        with open(self.path("batch"), "w", encoding="ascii") as file:
            file.write(batch)
        self.pair.near.ip("-batch", self.path("batch"))
        names = [i["value"] for i in self.interfaces()]
        self.assertEqual(len([n for n in names if re.match("xdptap-many", n)]), 300)


if __name__ == "__main__":
    harness.main()
