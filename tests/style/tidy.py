#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every source file has its licence line, nothing is left for later, and the top level is uncluttered."""
import os
import re

import tree

TOP = {"extcap", "bpf", "pcapng", "tests", "meson.build", "LICENSE", "README.md"}
SOURCE = (".c", ".h", ".py", ".build", ".1", ".3", ".map")
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")


def check(path):
    content = tree.text(path)
    if content is None:
        return
    if path.endswith(SOURCE) or content.startswith("#!"):
        head = content.split("\n", 2)[:2]
        if not any("SPDX-License-Identifier: MIT" in line for line in head):
            yield path, "does not begin with its SPDX line"
    for number, line in tree.lines(path):
        if LATER.search(line):
            yield f"{path}:{number}", "is left for later; make it an issue"


def main():
    faults = [fault for path in tree.files() for fault in check(path)]
    faults += [(name, "does not belong to the top level") for name in os.listdir(tree.root())
               if name not in TOP and tree.is_ours(tree.root(), name) and name != ".ci"]
    faults += [(name, "is missing") for name in TOP if not os.path.exists(
        os.path.join(tree.root(), name))]
    tree.finish(faults)


main()
