#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints what is left to do after meson install: after-install.py XDPTAP

Meson keeps to itself what its scripts print, so this prints to Meson's own standard output. It borrows the open
file: one opened again has a position of its own, and what Meson prints later would go over our text.
"""
import ctypes
import os
import subprocess
import sys

PIDFD_GETFD = 438  # the system call, on all architectures


def stdout_of(pid):
    fd = ctypes.CDLL(None).syscall(PIDFD_GETFD, os.pidfd_open(pid), 1, 0)
    # Yama lets only root borrow.
    return fd if fd >= 0 else os.open(f"/proc/{pid}/fd/1", os.O_WRONLY | os.O_APPEND)


try:
    text = subprocess.run([sys.argv[1], "--setup"], stdout=subprocess.PIPE, check=True).stdout
    os.write(stdout_of(os.getppid()), text)
except (OSError, subprocess.CalledProcessError) as error:
    print(error, file=sys.stderr)
