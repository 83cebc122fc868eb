#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No file over 500 lines, no function over 80, no folder of 20 sources or more, a README of one sitting."""
import collections
import os

import tree

FILE, FUNCTION, FOLDER, README = 500, 80, 19, 129
# Folders that are too full today. An entry that is no longer true is a fault, too.
FULL = {"tests/pcapng"}


def check_functions(path):
    start = None
    for number, line in tree.lines(path):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start + 1 > FUNCTION:
                yield f"{path}:{start}", f"a function of {number - start + 1} lines"
            start = None


def check_folders(paths):
    counts = collections.Counter(os.path.dirname(path) for path in paths)
    for folder, count in sorted(counts.items()):
        if count > FOLDER and folder not in FULL:
            yield folder, f"a folder of {count} sources"
    for folder in sorted(FULL):
        if counts[folder] <= FOLDER:
            yield folder, "has room now: take it out of FULL"


def main():
    faults = list(check_folders(tree.files(".c", ".h", ".py")))
    for path in tree.files(".c", ".h", ".py"):
        length = len(tree.lines(path))
        if length > FILE:
            faults.append((path, f"{length} lines"))
        if not path.endswith(".py"):
            faults += check_functions(path)
    for path in tree.files("README.md"):
        if len(tree.lines(path)) > README:
            faults.append((path, f"{len(tree.lines(path))} lines"))
    tree.finish(faults)


main()
