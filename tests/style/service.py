#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""systemd accepts the service: it knows every directive, and the service is sandboxed."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

if not shutil.which("systemd-analyze"):
    print("systemd-analyze is missing")
    sys.exit(77)

with open(os.environ["SERVICE"], encoding="utf-8") as file:
    unit = re.sub(r"ExecStart=\S+", "ExecStart=" + os.environ["XDPTAP"], file.read())
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "xdptap@eth0.service")
    with open(path, "w", encoding="utf-8") as file:
        file.write(unit)
    verify = subprocess.run(["systemd-analyze", "verify", "--man=no", path], check=False,
                            stderr=subprocess.PIPE, text=True)
    faults = [line for line in verify.stderr.splitlines() if "xdptap" in line]
    print("\n".join(faults))
    exposure = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", path],
                              check=False, stdout=subprocess.PIPE, text=True)
    print(exposure.stdout.splitlines()[-1])
sys.exit(bool(faults) or exposure.returncode)
