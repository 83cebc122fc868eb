# SPDX-License-Identifier: MIT
"""A traced program that does what a frame says, and what is to come of it."""
import os
import struct
import subprocess
from collections import namedtuple

import harness
import net
from captures import Capture
from net import bpftool
from program import Case, xdptap

ABORTED, DROP, PASS, TX, REDIRECT, DEVMAP = range(6)  # verdicts; the last is a redirect, too
KEEP, WRITE, GROW_HEAD, SHRINK_HEAD, GROW_TAIL, SHRINK_TAIL = range(6)
PROGRAM = "does_what_a_frame_says"

# One end of a run: the file's interface, time, length on the wire, bytes, packet id, verdict or None.
Side = namedtuple("Side", "name ts_ns length data id verdict")


def order(verdict, change=KEEP, size=100, number=0):
    """A frame that tells the program what to do."""
    frame = net.frame(size, number)
    return frame[:14] + bytes([verdict, change]) + frame[16:]


def changed(frame):
    """What the program makes of it."""
    return {KEEP: frame,
            WRITE: frame[:16] + b"\xee" + frame[17:],
            GROW_HEAD: b"\xaa" * 8 + frame,
            SHRINK_HEAD: frame[4:],
            GROW_TAIL: frame + bytes(16),
            SHRINK_TAIL: frame[:-10]}.get(frame[15], frame)


def verdict_of(frame):
    return REDIRECT if frame[14] == DEVMAP else frame[14]


def sides(source):
    """Both ends' records of a capture, in its order."""
    capture = source if isinstance(source, Capture) else Capture(source)
    names = [interface.option("if_name") for interface in capture.interfaces]
    found = []
    for block in capture.named("EPB"):
        verdicts = [value for _, value in block.all("epb_verdict")]
        found.append(Side(names[block["interface"]], block["ts_ns"], block["len"], block["data"],
                          block.option("epb_packetid"), verdicts[0] if verdicts else None))
    return found


class TraceCase(Case):
    """With the program on near; skipped where the kernel refuses to trace one."""
    refusal = None  # what it said when it was asked first
    mode = "xdp"
    section = "xdp"

    def setUp(self):
        super().setUp()
        self.occupy()
        self.skip_where_refused()

    def skip_where_refused(self):
        if TraceCase.refusal is None:
            TraceCase.refusal = xdptap("-i", "near", "--point", "trace", "-w", self.path("probe"), "-a",
                                       "duration:0.1", namespace=self.pair.near)[2]
        if b"refuses to trace" in TraceCase.refusal:
            self.assertFalse(harness.OWN_MACHINE, "refused")
            self.skipTest("this kernel refuses to trace XDP programs")

    def occupy(self, interface="near"):
        """Loads the program, and lets its map lead back to where a frame came from."""
        self.pair.near.load_xdp(os.environ["XDP_TRACED"], interface, self.mode, self.section)
        program = bpftool("prog", "show", "id", str(self.pair.near.xdp(interface)["prog"]["id"]))
        index = struct.pack("=I", self.pair.near.link(interface)["ifindex"])
        for number in program["map_ids"]:
            if bpftool("map", "show", "id", str(number))["type"] == "devmap":
                bpftool("map", "update", "id", str(number), "key", "0", "0", "0", "0", "value",
                        *map(str, index), namespace=self.pair.near)

    def trace(self, *options, **where):
        return self.start("--point", "trace", "--direction", "in", *options, **where)

    def check(self, found, frames, program=PROGRAM, interface="near"):
        """Each frame at entry and at exit, in order, with one id for both that no other has."""
        self.assertEqual(len(found), 2 * len(frames))
        for frame, entry, leaving in zip(frames, found[::2], found[1::2]):
            with self.subTest(verdict=frame[14], change=frame[15]):
                self.assertEqual(entry.name, f"{interface}:{program}@entry")
                self.assertEqual(leaving.name, f"{interface}:{program}@exit")
                self.assertEqual((entry.data, entry.length), (frame, len(frame)))
                after = changed(frame)
                self.assertEqual((leaving.data, leaving.length), (after, len(after)))
                self.assertEqual((entry.verdict, leaving.verdict), (None, verdict_of(frame)))
                self.assertEqual(entry.id, leaving.id)
        self.assertEqual(len({entry.id for entry in found[::2]}), len(frames))
        times = [side.ts_ns for side in found]
        self.assertEqual(times, sorted(times))


def is_tracing():
    """Whether somebody traces a program, on both sides of it."""
    try:
        return sum(link["type"] == "tracing" for link in bpftool("link", "show")) >= 2
    except subprocess.CalledProcessError:  # one that was listed was gone when it was asked for
        return False
