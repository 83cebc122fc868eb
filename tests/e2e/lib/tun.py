# SPDX-License-Identifier: MIT
"""Tun devices, which may call themselves any type of device."""
import fcntl
import os
import struct

TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TUN, IFF_NO_PI = 1, 0x1000
PROTOCOL = struct.Struct(">xxH")  # precedes each frame without IFF_NO_PI


def open_tun(hardware=None, flags=IFF_NO_PI):
    """Makes t0, with an ARPHRD_ if it is to have another, and returns its descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"t0", IFF_TUN | flags))
    if hardware:
        fcntl.ioctl(fd, TUNSETLINK, hardware)
    return fd
