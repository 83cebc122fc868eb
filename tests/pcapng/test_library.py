#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library as a whole: its symbols, its man pages, its examples.

    test_library.py symbols LIBRARY HEADER...   exactly the functions of the headers are exported
    test_library.py man PAGE HEADER             a clean page that names every function of the header
    test_library.py example PROGRAM             what it prints is a right file with packets in it
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import check_pcapng


def functions(headers):
    """Names declared at the start of a line, also behind a return type."""
    text = "".join(Path(h).read_text(encoding="utf-8") for h in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^[a-z][\w \t*]*?\b(pcapng_\w+)\(", text, flags=re.M))


def output(*argv):
    if not shutil.which(argv[0]):
        print(f"SKIP: {argv[0]} is not installed")
        sys.exit(77)
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout


def test_symbols(library, *headers):
    lines = output("nm", "-D", "--defined-only", library).decode().splitlines()
    found = {line.split()[2].split("@")[0] for line in lines if " A " not in line}
    assert found == functions(headers), f"differ: {found ^ functions(headers)}"


def test_man(page, header):
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True,
                          check=False) if shutil.which("mandoc") else None
    assert lint is None or lint.stdout == "", lint.stdout
    text = Path(page).read_text(encoding="utf-8")
    missing = [f for f in functions([header]) if text.count(f) < 3]     # name, synopsis, text
    assert not missing, f"not described: {missing}"


def test_example(program, *args):
    blocks = check_pcapng.parse(output(program, *args))
    assert [b.name for b in blocks].count("EPB") > 0, "no packet"


if __name__ == "__main__":
    {"symbols": test_symbols, "man": test_man, "example": test_example}[sys.argv[1]](*sys.argv[2:])
