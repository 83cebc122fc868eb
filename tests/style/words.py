#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a user reads uses the words of network engineers: no word below in the README, the man pages, --help,
the answers to Wireshark and the string literals of extcap/.

Words that are always wrong are matched as they stand. Others are wrong in one sense only, so the pattern holds
what surrounds them there: "mark" is fine of a packet (tc, iptables) but not of a filter, "port" is fine of TCP but
not of a stream, "takes" is fine of time and wrong of frames, privileges and values. "part" and "face" are not
looked for in C, where ".part" is a file's suffix and names are not text."""
import os
import re
import subprocess

import tree

WORDS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in (
    (r"\b(network )?cards?\b", "NIC"),
    (r"\bmark of (a|the) filter\b|\bfilter'?s mark\b", "generation"),
    (r"\b(two|both|its|which|a) faces?\b", "front end"),
    (r"\bports? of (a|the) stream\b", "interface of the stream"),
    (r"\bon_whole\b|\bwhole (file|block|packet)s?\b", "complete"),
    (r"\b(part|piece)s? of (a|the) frames?\b|\bframes? in (several )?(parts|pieces)\b", "fragment"),
    (r"\btakes? (a |an |the |one of|CAP_|root\b|Linux|frames?\b|no program|it for|out\b|off\b)",
     "requires, captures, detaches or strips"),
    (r"\b(is|are|was|were|be|been|being) taken\b(?! (off|out))", "captured, used"),
    (r"\bbehind\b", "after"),
    (r"\bso (often|many|much)\b", "at this interval, this many"),
    (r"\b(has|have|had) to be\b", "must be"),
    (r"\b(one can|one has to|one wants)\b", "you, or the passive"),
    (r"\bthose there are\b", "use X to list them"),
)]
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def ask(*arguments):
    return subprocess.run([os.environ["XDPTAP"], *arguments], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def literals(path):
    """A C file's string literals, those that follow each other as one."""
    code = "\n".join(line for line in COMMENT.sub("", tree.text(path)).splitlines()
                     if not line.lstrip().startswith("#include"))
    joined = re.sub(r'"\s*\n\s*"', "", code)
    return "\n".join(STRING.findall(joined))


def texts():
    """(where, text) of all that a user reads."""
    yield "README.md", tree.text("README.md")
    for page in tree.files(".1", ".3"):
        yield page, tree.text(page)
    listed = ask("--extcap-interfaces")
    yield "--help", ask("--help")
    yield "--extcap-interfaces", "\n".join(line for line in listed.splitlines() if not line.startswith("interface "))
    yield "--extcap-config", ask("--extcap-config", "--extcap-interface", re.search(r"\{value=(xdptap-[^}]+)\}", listed)[1])
    for path in tree.files(".c"):
        if path.startswith("extcap/"):
            yield path, literals(path)


def main():
    faults = []
    for where, text in texts():
        for pattern, instead in WORDS:
            faults += [(where, f"\"{found[0]}\": write {instead}")
                       for found in pattern.finditer(" ".join(text.split()))]
    tree.finish(faults)


main()
