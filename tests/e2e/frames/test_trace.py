#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tracing an XDP program: the frame at entry, the frame at exit, one packet id, and the verdict."""
import itertools
import os
import signal
import struct
import time

import harness
import net
import tracing
from captures import read_pcap
from program import Case, Wireshark, xdptap
from tracing import (ABORTED, DEVMAP, DROP, GROW_HEAD, KEEP, PASS, PROGRAM, REDIRECT, SHRINK_HEAD,
                     SHRINK_TAIL, TX, WRITE, TraceCase, order, sides)

ALL = [order(verdict, change, number=number) for number, (verdict, change) in enumerate(
    itertools.product((ABORTED, DROP, PASS, TX, REDIRECT, DEVMAP), range(SHRINK_TAIL + 1)))]


class Native(TraceCase):
    def test_every_verdict_and_change(self):
        capture = self.trace()
        self.pair.send_all(ALL)
        capture.wait_packets(2 * len(ALL))
        finished = capture.finish()
        self.check(sides(finished), ALL)
        for statistics in finished.statistics:
            for counter in ("isb_ifrecv", "isb_filteraccept", "isb_usrdeliv"):
                self.assertEqual(statistics.option(counter), len(ALL))
            self.assertEqual(statistics.option("isb_osdrop"), 0)

    def test_in_tshark(self):
        capture = self.trace()
        self.pair.send_all(ALL)
        capture.wait_packets(2 * len(ALL))
        found = sides(capture.finish())
        status, out, _ = Wireshark(self.folder).run(
            "-r", capture.file, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.packet_id",
            "-e", "frame.verdict.ebpf_xdp", "-e", "frame.len")
        self.assertEqual(status, 0)
        shown = [line.split("\t") for line in out.decode().splitlines()]
        self.assertEqual([line[0] for line in shown], [side.name for side in found])
        self.assertEqual([int(line[1], 0) for line in shown], [side.id for side in found])
        self.assertEqual([line[2] for line in shown],
                         ["" if side.verdict is None else str(side.verdict) for side in found])
        self.assertEqual([int(line[3]) for line in shown], [side.length for side in found])

    def test_description(self):
        program = self.pair.near.xdp()["prog"]
        finished = self.trace().finish()
        for interface, side in zip(finished.interfaces, ("entry", "exit")):
            comment = interface.option("opt_comment")
            for word in (side, str(program["id"]), PROGRAM, program["tag"]):
                self.assertIn(word, comment)

    def test_snaplen(self):
        capture = self.trace("--snaplen", "20")
        frames = [order(PASS, KEEP, size) for size in (20, 21, 300, 1500)]
        self.pair.send_all(frames)
        capture.wait_packets(2 * len(frames))
        found = sides(capture.finish())
        self.assertEqual([side.data for side in found[::2]], [frame[:20] for frame in frames])
        self.assertEqual([side.length for side in found[1::2]], [len(frame) for frame in frames])

    def test_program_is_left_alone(self):
        before = self.pair.near.xdp()
        capture = self.trace()
        self.assertEqual(self.pair.near.xdp(), before)
        capture.signal(signal.SIGKILL)
        capture.wait()
        self.assertEqual(self.pair.near.xdp(), before)
        capture = self.trace(file="second.pcapng")
        self.pair.send_all(ALL[:3])
        capture.wait_packets(6)
        self.check(sides(capture.finish()), ALL[:3])


class Generic(TraceCase):
    mode = "xdpgeneric"

    def test_every_verdict_and_change(self):
        capture = self.trace()
        self.pair.send_all(ALL)
        capture.wait_packets(2 * len(ALL))
        self.check(sides(capture.finish()), ALL)


class Long(TraceCase):
    """Frames in several fragments."""
    mtu = 9000
    section = "xdp.frags"
    program = "does_so_with_long_frames"

    def frames(self):
        return [order(verdict, change, size, number) for number, (size, verdict, change) in enumerate(
            itertools.product((60, 1500, 3000, 3520, 4096, 5000, 8192, 9014), (DROP, PASS),
                              (KEEP, WRITE, GROW_HEAD, SHRINK_HEAD, SHRINK_TAIL)))]

    def test_whole(self):
        frames = self.frames()
        capture = self.trace()
        self.pair.send_all(frames)
        capture.wait_packets(2 * len(frames))
        self.check(sides(capture.finish()), frames, program=self.program)

    def test_filter_sees_all(self):
        """Bytes far beyond the linear part are captured, too."""
        frames = self.frames()
        wanted = [frame for frame in frames if len(frame) > 8000 and frame[8000] > 127]
        self.assertTrue(wanted)
        capture = self.trace("-f", "ether[8000] > 127")
        self.pair.send_all(frames)
        capture.wait_packets(2 * len(wanted))
        self.check(sides(capture.finish()), wanted, program=self.program)

    def test_snaplen(self):
        frame = order(PASS, KEEP, 9000)
        capture = self.trace("--snaplen", "5000")
        self.pair.send_all([frame])
        capture.wait_packets(2)
        for side in sides(capture.finish()):
            self.assertEqual((side.length, side.data), (9000, frame[:5000]))


class Selection(TraceCase):
    def capture(self, options, wanted):
        """Captures all frames, and returns both sides of these."""
        capture = self.trace(*options)
        self.pair.send_all(ALL)
        capture.wait_packets(2 * len(wanted))
        finished = capture.finish()
        self.check(sides(finished), wanted)
        for statistics in finished.statistics:
            self.assertEqual(statistics.option("isb_ifrecv"), len(ALL))
            self.assertEqual(statistics.option("isb_filteraccept"), len(wanted))

    def test_filter_at_entry(self):
        """The exit side is captured, too, although its bytes no longer match."""
        self.capture(["-f", "ether[14] == 3 and ether[15] <= 3"],
                     [f for f in ALL if f[14] == TX and f[15] <= SHRINK_HEAD])

    def test_filter_at_exit(self):
        self.capture(["-f", "ether[0:4] == 0xaaaaaaaa and len == 108", "--filter-at", "exit"],
                     [f for f in ALL if f[15] == GROW_HEAD])

    def test_filter_for_nothing(self):
        capture = self.trace("-f", "ip and tcp port 80")
        self.pair.send_all(ALL)
        harness.wait_until(lambda: self.pair.near.link("near")["stats64"]["rx"]["packets"] >= len(ALL),
                       "the frames")
        self.assertEqual(sides(capture.finish()), [])

    def test_verdict(self):
        self.capture(["--verdict", "drop"], [f for f in ALL if f[14] == DROP])

    def test_verdicts(self):
        self.capture(["--verdict", "tx,redirect,aborted"],
                     [f for f in ALL if f[14] not in (DROP, PASS)])

    def test_verdict_and_filter(self):
        self.capture(["--verdict", "pass,drop", "-f", "ether[15] == 1"],
                     [f for f in ALL if f[14] in (DROP, PASS) and f[15] == WRITE])

    def test_entry_alone(self):
        capture = self.trace("--at", "entry", "--verdict", "redirect")
        self.pair.send_all(ALL)
        wanted = [f for f in ALL if f[14] >= REDIRECT]
        capture.wait_packets(len(wanted))
        finished = capture.finish()
        self.assertEqual([s.data for s in sides(finished)], wanted)
        self.assertEqual(len(finished.interfaces), 1)

    def test_exit_alone(self):
        capture = self.trace("--at", "exit")
        self.pair.send_all(ALL)
        capture.wait_packets(len(ALL))
        found = sides(capture.finish())
        self.assertEqual([s.data for s in found], [tracing.changed(f) for f in ALL])
        self.assertEqual([s.verdict for s in found], [tracing.verdict_of(f) for f in ALL])

    def test_sent_frames_have_no_verdict(self):
        """Sent frames are captured with --point trace alone, but not with --verdict."""
        for options, count in (((), 3), (("--verdict", "pass"), 2)):
            capture = self.start("--point", "trace", *options)
            self.assertEqual(len(capture.finish().interfaces), count)


class Programs(TraceCase):
    def test_by_number_and_name(self):
        number = str(self.pair.near.xdp()["prog"]["id"])
        for name in (number, PROGRAM, PROGRAM[:15], "auto"):
            with self.subTest(name):
                capture = self.trace("--program", name)
                self.pair.send_all(ALL[:1])
                capture.wait_packets(2)
                self.check(sides(capture.finish()), ALL[:1])

    def test_unknown(self):
        for name in ("nobody", "1", PROGRAM[:14]):
            status, _, err = xdptap("-i", "near", "--program", name, "-w", self.path("x"),
                                    namespace=self.pair.near)
            self.assertEqual(status, 1)
            self.assert_sentence(err, name, PROGRAM)

    def test_none(self):
        self.pair.add("near2", "far2")
        status, _, err = xdptap("-i", "near2", "--point", "trace", "-w", self.path("x"),
                                namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "near2", "--point xdp")

    def test_without_btf(self):
        self.pair.add("near2", "far2")
        self.pair.near.load_xdp(os.environ["XDP_PLAIN"], "near2")
        status, _, err = xdptap("-i", "near2", "--point", "trace", "-w", self.path("x"),
                                namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "near2", "BTF", "--point tc")

    def test_automatic(self):
        """--point auto traces an attached program; one without BTF means a capture at tc."""
        capture = self.start("--direction", "in")
        self.pair.send_all(ALL[:2])
        capture.wait_packets(4)
        self.check(sides(capture.finish()), ALL[:2])
        self.pair.add("near2", "far2")
        self.pair.near.load_xdp(os.environ["XDP_PLAIN"], "near2")
        capture = self.start("--direction", "in", interface="near2", file="second.pcapng")
        interface, = capture.finish().interfaces
        self.assertIn(b'xdptap: "near2" has an XDP program that cannot be traced', capture.stderr())
        self.assertIn("tc-ingress", interface.option("opt_comment"))

    def test_one_of_two_interfaces(self):
        """One program runs on both interfaces: each capture has only its own frames."""
        self.pair.add("near2", "far2")
        number = str(self.pair.near.xdp()["prog"]["id"])
        net.bpftool("net", "attach", "xdp", "id", number, "dev", "near2", namespace=self.pair.near)
        one = self.trace()
        two = self.trace(interface="near2", file="two.pcapng")
        self.pair.send_all(ALL[:5])
        self.pair.send_all(ALL[5:8], "far2")
        one.wait_packets(10)
        two.wait_packets(6)
        self.check(sides(one.finish()), ALL[:5])
        self.check(sides(two.finish()), ALL[5:8], interface="near2")

    def test_listed(self):
        number = str(self.pair.near.xdp()["prog"]["id"])
        out = xdptap("-D", namespace=self.pair.near)[1].decode()
        self.assertRegex(out, rf"(?m)near .* {number} {PROGRAM} native$")
        out = xdptap("--extcap-config", "--extcap-interface", "xdptap-near",
                     namespace=self.pair.near)[1].decode()
        self.assertRegex(out, rf"(?m)^value .*{{value={number}}}{{display={number} {PROGRAM}}}$")


class End(TraceCase):
    def capture_three(self, *options):
        capture = self.trace(*options)
        self.pair.send_all(ALL[:3])
        capture.wait_packets(6)
        return capture

    def assert_ends(self, capture, *words):
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), "near", *words)
        self.check(sides(capture.file), ALL[:3])

    def test_program_is_taken_off(self):
        capture = self.capture_three()
        self.pair.near.ip("link", "set", "near", self.mode, "off")
        self.assert_ends(capture, "detached", "complete")

    def test_program_is_replaced(self):
        capture = self.capture_three()
        self.pair.near.ip("-force", "link", "set", "near", self.mode, "obj", os.environ["XDP_PASS"],
                          "sec", "xdp")
        self.assert_ends(capture, "detached", "complete")
        self.assertTrue(self.pair.near.xdp())

    def test_sent_frames_go_on(self):
        capture = self.start("--point", "trace")
        self.pair.near.ip("link", "set", "near", self.mode, "off")
        capture.wait_for("detached")
        self.pair.send(3)
        self.pair.ping(2)
        capture.wait_packets(2)
        self.assertFalse(capture.has_ended())
        capture.finish()

    def test_interface_is_deleted(self):
        capture = self.capture_three()
        self.pair.near.ip("link", "del", "near")
        self.assert_ends(capture, "deleted", "complete")

    def test_no_privilege_is_left(self):
        capture = self.trace()
        with open(f"/proc/{capture.pid}/status", encoding="utf-8") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        self.assertEqual([int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh")], [0, 0, 0])
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        self.pair.send_all(ALL[:3])
        capture.wait_packets(6)
        self.check(sides(capture.finish()), ALL[:3])

    def test_pcap(self):
        """pcap has no place for packet id and verdict, but it has the frames."""
        capture = self.trace("--format", "pcap")
        self.pair.send_all(ALL)
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        self.assertEqual([packet.data for packet in read_pcap(capture.file)],
                         [data for frame in ALL for data in (frame, tracing.changed(frame))])


class Face(TraceCase):
    def test_in_wireshark(self):
        """Options as the dialog passes them: only dropped frames."""
        extcap = self.extcap("--verdict", "drop", "--program", "auto", "--at", "both")
        extcap.open()
        self.pair.send_all(ALL)
        wanted = [f for f in ALL if f[14] == DROP]
        extcap.wait_blocks(3 + 2 * len(wanted))
        self.check(sides(extcap.finish()), wanted)

    def test_tshark_live(self):
        self.live(["verdict:drop"], 2, [None, DROP])

    def test_every_preference(self):
        number = self.pair.near.xdp()["prog"]["id"]
        self.live(["verdict:drop,tx", "at:exit", "filterat:exit", f"program:{number}", "point:trace"], 1,
                  [DROP], "ether[0:4] == 0xaaaaaaaa and ether[22] == 1")  # GROW_HEAD moved it by 8

    def live(self, preferences, sides_of_each, verdicts, filter_text=""):
        wireshark = Wireshark(self.folder)
        wanted = [f for f in ALL if f[14] == DROP and (not filter_text or f[15] == GROW_HEAD)]
        file = self.path("live.pcapng")
        options = [o for p in preferences for o in ("-o", "extcap.xdptap_near." + p)]
        with wireshark.tshark("-i", "xdptap-near", *options, "-f", filter_text, "-w", file, "-c",
                              str(sides_of_each * len(wanted)), namespace=self.pair.near) as tshark:
            harness.wait_until(lambda: tracing.is_tracing() or tshark.has_ended() or time.sleep(0.2),
                               "the capture")
            self.pair.send_all(ALL)
            self.assertEqual(tshark.wait(60), 0, tshark.text())
        self.assertEqual([s.verdict for s in sides(file)], verdicts * len(wanted))

    def test_contradictions(self):
        for options in (("--verdict", "drop", "--point", "tc"), ("--program", "x", "--point", "xdp"),
                        ("--verdict", "accept"), ("--at", "middle"), ("--filter-at", "both")):
            status, _, err = xdptap("-i", "near", "-w", self.path("x"), *options,
                                    namespace=self.pair.near)
            self.assertEqual(status, 2)
            self.assert_sentence(err, options[0])


class Loss(TraceCase):
    def test_no_pair_is_mismatched(self):
        """The ring overflows: what remains of a pair still has the right id and bytes."""
        capture = self.trace("-B", "1")
        capture.signal(signal.SIGSTOP)
        frames = [order(DROP if number % 3 else TX, WRITE, 300, number) for number in range(5000)]
        frames = [f[:17] + struct.pack(">I", number) + f[21:] for number, f in enumerate(frames)]
        self.pair.send_all(frames)
        capture.signal(signal.SIGCONT)
        harness.wait_until(lambda: self.pair.near.link("near")["stats64"]["rx"]["packets"] >= len(frames),
                       "the frames")
        finished = capture.finish()
        found = sides(finished)
        by_id = {}
        for side in found:
            number, = struct.unpack_from(">I", side.data, 17)
            frame = frames[number]
            self.assertEqual(side.data, frame if side.verdict is None else tracing.changed(frame))
            self.assertIn(side.verdict, (None, frame[14]))
            self.assertEqual(by_id.setdefault(side.id, number), number)
        self.assertEqual(len(set(by_id.values())), len(by_id))
        for statistics in finished.statistics:
            self.assertEqual(statistics.option("isb_ifrecv"), len(frames))
            self.assertGreater(statistics.option("isb_osdrop"), 0)
            self.assertEqual(statistics.option("isb_filteraccept"), len(frames))


class Refused(Case):
    def test_sentence(self):
        self.pair.near.load_xdp(os.environ["XDP_TRACED"])
        status, _, err = xdptap("-i", "near", "--point", "trace", "-w", self.path("x"), "-c", "1", "-a",
                                "duration:1", namespace=self.pair.near)
        if status == 0:
            self.skipTest("this kernel lets programs be traced")
        self.assert_sentence(err, "kernel")


if __name__ == "__main__":
    harness.main()
