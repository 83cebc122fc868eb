#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No file above 500 lines, no function above 80, a README that is read to its end."""
import tree

FILE, FUNCTION, README = 500, 80, 120


def check_functions(path):
    start = None
    for number, line in tree.lines(path):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start + 1 > FUNCTION:
                yield f"{path}:{start}", f"a function of {number - start + 1} lines"
            start = None


def main():
    faults = []
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
