#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""C is as .clang-format wants it, in the BPF programs too."""
import os
import subprocess
import sys

import tree

command = ["clang-format", "--dry-run", "-Werror", "--style=file"]
sys.exit(subprocess.run(
    command + [os.path.join(tree.root(), path) for path in tree.files(".c", ".h")]).returncode)
