# SPDX-License-Identifier: MIT
"""An ssh server with a key of its own, beside any that the machine has."""
import os
import shutil
import subprocess

import net

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
CONFIG = """
Port {port}
ListenAddress {address}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
"""


def prepare(case):
    """Makes the keys in a test's folder, or skips it."""
    if not SSHD or not shutil.which("ssh"):
        case.skipTest("needs sshd and ssh")
    for name in "host", "key":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", case.path(name)], check=True)
    if not os.path.isdir("/run/sshd"):  # the server's chroot
        os.mkdir("/run/sshd")
        case.addCleanup(os.rmdir, "/run/sshd")


def serve(case, namespace, port, address="127.0.0.1"):
    """A running server."""
    with open(case.path("sshd_config"), "w", encoding="utf-8") as file:
        file.write(CONFIG.format(port=port, address=address, folder=case.folder))
    server = case.enterContext(net.Process([SSHD, "-D", "-e", "-f", case.path("sshd_config")], namespace))
    server.wait_for("Server listening")
    return server


def command(case, port, address, *words):
    """That runs words on such a server."""
    return ["ssh", "-p", str(port), "-i", case.path("key"), "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes", address, *words]
