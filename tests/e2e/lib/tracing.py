# SPDX-License-Identifier: MIT
"""A traced program that does what a frame says, and the records that must result."""
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

# One side of a run: interface in the file, time, original length, bytes, packet id, verdict or None.
Side = namedtuple("Side", "name ts_ns length data id verdict")


def order(verdict, change=KEEP, size=100, number=0):
    """Returns a frame that tells the traced program what to do."""
    frame = net.frame(size, number)
    return frame[:14] + bytes([verdict, change]) + frame[16:]


def changed(frame):
    """Returns the frame as the traced program leaves it."""
    return {KEEP: frame,
            WRITE: frame[:16] + b"\xee" + frame[17:],
            GROW_HEAD: b"\xaa" * 8 + frame,
            SHRINK_HEAD: frame[4:],
            GROW_TAIL: frame + bytes(16),
            SHRINK_TAIL: frame[:-10]}.get(frame[15], frame)


def verdict_of(frame):
    return REDIRECT if frame[14] == DEVMAP else frame[14]


def sides(source):
    """Returns the entry and exit records of a capture, in order."""
    capture = source if isinstance(source, Capture) else Capture(source)
    names = [interface.option("if_name") for interface in capture.interfaces]
    found = []
    for block in capture.named("EPB"):
        verdicts = [value for _, value in block.all("epb_verdict")]
        found.append(Side(names[block["interface"]], block["ts_ns"], block["len"], block["data"],
                          block.option("epb_packetid"), verdicts[0] if verdicts else None))
    return found


class TraceCase(Case):
    """Tests with the program on near; skipped where the kernel does not allow tracing."""
    refusal = None  # stderr of the first attempt
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
        """Loads the program, and makes its map redirect a frame to where it came from."""
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
        """Checks that each frame is there at entry and exit, in order, with an id that only these two share."""
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
    """Whether a program is traced, at entry and at exit."""
    try:
        return sum(link["type"] == "tracing" for link in bpftool("link", "show")) >= 2
    except subprocess.CalledProcessError:  # a program disappeared while they were listed
        return False
