#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""C is formatted as .clang-format says, in BPF programs too.

Each major version of clang-format breaks lines a little differently: the tree follows version 14, that of
Debian 12. With another one the test is skipped, and fails with XDPTAP_TESTS_MUST_RUN=1.
"""
import os
import re
import shutil
import subprocess
import sys

import tree

MAJOR = "14"


def find():
    """(command or None, the version that is installed)"""
    installed = "none is installed"
    for command in (f"clang-format-{MAJOR}", "clang-format"):
        if shutil.which(command):
            said = subprocess.run([command, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
            version = re.search(r"version (\d+)", said)
            if version and version[1] == MAJOR:
                return command, said
            installed = said.strip()
    return None, installed


def main():
    command, installed = find()
    if not command:
        print(f"needs clang-format {MAJOR}: {installed}")
        sys.exit(1 if os.environ.get("XDPTAP_TESTS_MUST_RUN") == "1" else 77)
    paths = [os.path.join(tree.root(), path) for path in tree.files(".c", ".h")]
    sys.exit(subprocess.run([command, "--dry-run", "-Werror", "--style=file", *paths], check=False).returncode)


main()
