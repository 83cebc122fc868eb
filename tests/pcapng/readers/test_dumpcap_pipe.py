#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dumpcap reads a capture with PCAPNG_PROFILE_LIVE_PIPE from a FIFO, as it does for Wireshark.

    test_dumpcap_pipe.py PROGRAM      PROGRAM: write-live.c, which uses the profile up to its limits
"""
import os
import shutil
import subprocess
import sys
import tempfile

import check_pcapng


def main(program):
    if not shutil.which("dumpcap"):
        print("SKIP: dumpcap is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        fifo, out = folder + "/fifo", folder + "/out.pcapng"
        os.mkfifo(fifo)
        with subprocess.Popen(["dumpcap", "-q", "-i", fifo, "-w", out], text=True,
                              stderr=subprocess.PIPE) as dumpcap:
            with open(fifo, "wb") as pipe:
                sent = subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout
                pipe.write(sent)
            errors = dumpcap.communicate(timeout=60)[1]
        assert dumpcap.returncode == 0, errors
        got = check_pcapng.parse_file(out)
    packets = [(b["ts"], b["len"], b["data"]) for b in got if b.name == "EPB"]
    wanted = [(b["ts"], b["len"], b["data"]) for b in check_pcapng.parse(sent) if b.name == "EPB"]
    assert packets == wanted, f"{len(packets)} of {len(wanted)} packets came through"
    assert max(len(data) for _, _, data in packets) > 260000
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
