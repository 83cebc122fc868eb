# SPDX-License-Identifier: MIT
"""Other people's programs at tc, as tcx links or as filters in clsact, which judge as frames say."""
import ctypes
import os
import platform
import struct
import subprocess

import net

ACCEPT, DROP, REDIRECT, NEXT, REDIRECT_PEER = 0, 2, 7, -1, 100
NAME = "judges"
BPF_OBJ_GET, BPF_LINK_CREATE = 7, 28
SYS_BPF = {"x86_64": 321}.get(platform.machine(), 280)
TCX = {"ingress": 46, "egress": 47}
BEFORE = 1 << 3  # BPF_F_BEFORE


def order(verdict, number=0, ifindex=0, size=100):
    """Returns a frame that tells the program what to do."""
    frame = net.frame(size, number)
    return frame[:14] + struct.pack("=iIB", verdict, ifindex, 0) + frame[23:]


def seen(frame, times=1):
    """Returns the frame as it is after the program has seen it."""
    return frame[:22] + bytes([frame[22] + times]) + frame[23:]


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = net.libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return result


def attach_tcx(test, space, interface, direction, flags=0):
    """Attaches the program after those that are there, or with BEFORE in front; it goes at the end of the test."""
    mounted = test.path("bpf")
    os.makedirs(mounted, exist_ok=True)
    if not os.path.ismount(mounted):
        subprocess.run(["mount", "-t", "bpf", "bpf", mounted], check=True)
        test.addCleanup(subprocess.run, ["umount", mounted], check=True)
        subprocess.run(["bpftool", "prog", "load", os.environ["TC_JUDGES"], f"{mounted}/{NAME}"],
                       check=True)
    path = ctypes.create_string_buffer(f"{mounted}/{NAME}".encode())
    program = bpf(BPF_OBJ_GET, struct.pack("=Q", ctypes.addressof(path)))
    index = space.link(interface)["ifindex"]
    link = space.inside(lambda: bpf(BPF_LINK_CREATE, struct.pack(
        "=IIII", program, index, TCX[direction], flags)))
    os.close(program)
    test.addCleanup(os.close, link)


def add_filter(space, interface, direction, *more, preference=1):
    """Adds a filter to clsact, which it makes if there is none: the program, or what "more" says."""
    if "clsact" not in space.run("tc", "qdisc", "show", "dev", interface):
        space.run("tc", "qdisc", "add", "dev", interface, "clsact")
    more = more or ("bpf", "da", "obj", os.environ["TC_JUDGES"], "sec", "tc")
    space.run("tc", "filter", "add", "dev", interface, direction, "pref", str(preference), *more)


def filters(space, interface, direction):
    """Returns how tc shows the filters, without their counters."""
    return space.run("tc", "filter", "show", "dev", interface, direction)
