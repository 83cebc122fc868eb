# SPDX-License-Identifier: MIT
"""The files of the tree and the end of a check, for all style checks."""
import os
import sys


def root():
    return sys.argv[1]


def is_ours(folder, name):
    is_top = os.path.samefile(folder, root())
    return not (name.startswith(".") and name != ".ci") and name != "__pycache__" and not (
        is_top and os.path.isdir(os.path.join(folder, name)) and name.startswith("build"))


def files(*suffixes):
    """Sorted paths of the files with these suffixes; of all files without an argument."""
    found = []
    for folder, folders, names in os.walk(root()):
        folders[:] = [f for f in folders if is_ours(folder, f)]
        found += [os.path.relpath(os.path.join(folder, n), root())
                  for n in names if n.endswith(suffixes or "")]
    return sorted(found)


def text(path):
    """The file's text, or None if it is data."""
    with open(os.path.join(root(), path), "rb") as file:
        data = file.read()
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def lines(path):
    """(number, line) from 1 on."""
    return list(enumerate((text(path) or "").splitlines(), 1))


def finish(faults):
    """Prints "where: what" for each fault; the exit status says whether there was none."""
    for where, what in faults:
        print(f"{where}: {what}")
    sys.exit(1 if faults else 0)
