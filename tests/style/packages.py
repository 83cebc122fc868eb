#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/install where there is no apt, and the README's table of packages: packages.py SOURCE"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SYSTEMS = ("Debian 12 or later, Ubuntu 24.04 or later", "Fedora", "Arch Linux", "openSUSE")
TOOLS = ("awk", "bash", "env", "paste", "sort")
HAS = {"clang", "gcc"}  # what is installed on the systems below
# What tells a system, and how it answers a question for packages: pacman names those that are missing.
MANAGERS = {"Fedora": ("dnf", "rpm"), "Arch Linux": ("pacman",), "openSUSE": ("zypper", "rpm")}
ANSWERS = {"rpm": "case \"$3\" in clang | gcc) ;; *) exit 1 ;; esac",
           "pacman": "shift; for p; do case $p in clang | gcc) ;; *) echo $p; s=127 ;; esac; done; exit $s"}


def columns(path):
    """The names of a list, for each system."""
    found = {system: set() for system in SYSTEMS}
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        assert len(words) in (1, len(SYSTEMS)), f"{path}: one name, or one for each system: {line}"
        for system, word in zip(SYSTEMS, words):
            if word != "-":
                found[system].add(word)
    return found


def install(source, managers):
    """What tests/install says where there are these package managers."""
    with tempfile.TemporaryDirectory() as folder:
        for tool in TOOLS:
            os.symlink(shutil.which(tool), f"{folder}/{tool}")
        for name in managers:
            program = Path(folder, name)
            program.write_text("#!/bin/bash\n" + ANSWERS.get(name, "exit 1") + "\n", encoding="utf-8")
            program.chmod(0o755)
        done = subprocess.run([f"{source}/tests/install", f"{source}/tests/deps/build"], text=True, check=False,
                              env={"PATH": folder}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def main(source):
    for path in Path(source, "tests/deps").iterdir():
        columns(path)
    build = columns(Path(source, "tests/deps/build"))
    readme = Path(source, "README.md").read_text(encoding="utf-8")
    for system, names in build.items():
        row = f"| {system} | `{' '.join(sorted(names))}` |"
        assert row in readme, f"README.md lacks {row}"
    for system, managers in MANAGERS.items():
        said = install(source, managers)
        missing = " ".join(sorted(build[system] - HAS))
        assert f" {missing}\n" in said and managers[0] in said, f"{system}: {said}"
    assert " ".join(sorted(build[SYSTEMS[0]])) in install(source, ()), "nothing is said without a package manager"


main(sys.argv[1])
