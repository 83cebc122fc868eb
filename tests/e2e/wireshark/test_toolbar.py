#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wireshark's toolbar: changes to a running capture, counters and log; nothing there stalls a capture."""
import os
import random
import re
import resource
import signal
import struct
import time

import harness
import net
import sentences
import toolbar
from captures import Capture
from program import Case, XDPTAP
from toolbar import DIRECTION, FILTER, LOG, PAUSE, Toolbar

SLOW = " or ".join(f"host 10.{n // 250}.{n % 250}.9" for n in range(1500))


def frames(numbers, kind=0x88B5, size=100):
    return [net.frame(size, n)[:12] + struct.pack(">H", kind) + net.frame(size, n)[14:]
            for n in numbers]


class ToolbarCase(Case):
    def setUp(self):
        super().setUp()
        self.bar = Toolbar(self.folder)
        self.addCleanup(self.bar.close)
        self.sent = 0

    def run_extcap(self, *options, before=(), **process):
        extcap = self.extcap(*self.bar.options, *options, **process)
        self.bar.open(*before)
        extcap.open()
        return extcap

    def send(self, frames, interface="far"):
        self.pair.send_all(frames, interface)
        self.sent += len(frames)

    def wait_seen(self, extcap):
        """Reads until nothing more arrives: everything sent has been processed."""
        harness.wait_until(lambda: extcap.read() and False or net.is_constant(
            lambda: len(extcap.received), 5), "quiet")

    def wait_log(self, words):
        return self.bar.wait_text(toolbar.ADD, words, LOG)

    def change(self, number, value, words):
        """Requests a change, and returns when it is in effect for all programs."""
        changed = len(self.bar.texts(toolbar.ADD, LOG))
        self.bar.set(number, value)
        harness.wait_until(lambda: any(words in t for t in self.bar.texts(toolbar.ADD, LOG)[changed:]),
                           f"{words} in the log")
        harness.wait_until(lambda: any(t.endswith("in effect\n") for t in
                                       self.bar.texts(toolbar.ADD, LOG)[changed:]), "the change")

    def finish(self, extcap):
        capture = extcap.finish(deadline=harness.SOON)
        self.assert_free()
        for block in capture.statistics:
            count = {o.name[4:]: o.value for o in block.options if o.name.startswith("isb_")}
            self.assertEqual(count["filteraccept"], count["usrdeliv"] + count["osdrop"])
            self.assertGreaterEqual(count["ifrecv"], count["filteraccept"])
        return capture

    def renew(self, extcap):
        """Makes new pipes for the next capture of the same test."""
        self.bar.close()
        for path in (self.bar.to, self.bar.of, extcap.fifo):
            os.unlink(path)
        self.bar = Toolbar(self.folder)

    def comments(self, capture):
        """(number of the packet, its comment)"""
        return [(number, block.option("opt_comment")) for number, block in
                enumerate(capture.named("EPB")) if block.option("opt_comment")]


class Changes(ToolbarCase):
    def test_filter(self):
        """Each frame meets the filter in effect; the file marks the first frame after a change."""
        for mode in ("native", "generic"):
            with self.subTest(mode):
                extcap = self.run_extcap("--mode", mode)
                self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
                self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
                self.send(frames([3], 0x88B5) + frames([4], 0x88B6) + frames([5], 0x88B6))
                self.change(FILTER, "", "no capture filter")
                self.send(frames([6], 0x88B5))
                capture = self.finish(extcap)
                numbers = [struct.unpack(">I", data[14:18])[0] for data in capture.data()]
                self.assertEqual(numbers, [1, 2, 4, 5, 6])
                comments = self.comments(capture)
                self.assertEqual([number for number, _ in comments], [2, 4])
                self.assertIn('capture filter "ether proto 0x88b6"', comments[0][1])
                self.assertIn("no capture filter", comments[1][1])
                counters = capture.counters()
                self.assertEqual((counters["ifrecv"], counters["filteraccept"]), (6, 5))
                statistics, = capture.statistics
                self.assertIn("ether proto 0x88b6", statistics.option("opt_comment"))
                self.renew(extcap)

    def test_pause(self):
        extcap = self.run_extcap()
        self.send(frames([1]))
        self.change(PAUSE, b"\1", "paused")
        self.send(frames([2, 3]))
        self.change(PAUSE, b"\0", "resumed")
        self.send(frames([4]))
        capture = self.finish(extcap)
        self.assertEqual(capture.data(), frames([1, 4]))
        self.assertEqual(capture.counters()["ifrecv"], 4)
        (number, comment), = self.comments(capture)
        self.assertEqual(number, 1)
        self.assertRegex(comment, r"^20\d\d-\S+Z resumed after a pause of \d+\.\d+ s$")

    def test_direction(self):
        extcap = self.run_extcap()
        for direction, words, kept in (("in", "received frames only", [1]),
                                       ("out", "sent frames only", [2]),
                                       ("both", "both directions", [1, 2])):
            self.change(DIRECTION, direction, words)
            before = len(Capture(extcap.stream).packets)
            self.send(frames([1]))
            self.send(frames([2]), "near")
            extcap.wait_blocks(2 + before + len(kept))
            self.wait_seen(extcap)
            self.assertEqual(Capture(extcap.stream).data()[before:], frames(kept))
        self.finish(extcap)

    def test_direction_that_was_not_asked_for(self):
        """Its program is attached at the change and detached at the end."""
        extcap = self.run_extcap("--direction", "in")
        self.send(frames([1]), "near")
        self.change(DIRECTION, "both", "both directions")
        self.send(frames([2]), "near")
        self.send(frames([3]))
        capture = self.finish(extcap)
        self.assertEqual(capture.data(), frames([2, 3]))
        self.assertEqual(len(capture.interfaces), 1)
        self.assertEqual(capture.counters()["ifrecv"], 2)

    def test_loopback_is_seen_once(self):
        extcap = self.run_extcap("--direction", "in", interface="lo")
        self.change(DIRECTION, "both", "both directions")
        self.pair.near.ping("127.0.0.1", 1)
        self.assertEqual(len(self.finish(extcap).packets), 2)

    def test_all_interfaces(self):
        self.pair.add("near2", "far2")
        extcap = self.run_extcap(interface="any")
        self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
        for interface in ("far", "far2"):
            self.send(frames([1], 0x88B5) + frames([2], 0x88B6), interface)
        capture = self.finish(extcap)
        self.assertEqual(capture.data(), frames([2, 2], 0x88B6))
        self.assertEqual(len(self.comments(capture)), 2, "one on each interface")

    def test_no_frame_is_missed(self):
        """No frame is missed while filters that accept all frames replace each other."""
        extcap = self.run_extcap()
        sent = frames(range(20000), size=60)
        with self.pair.sender() as sender:
            for number, frame in enumerate(sent):
                sender.send(frame)
                if number % 1000 == 0:
                    self.bar.set(FILTER, f"not ether proto {number + 1}")
                    extcap.read()
        self.wait_log("in effect")
        last = frames(range(10), size=60)
        self.send(last)
        sent += last
        capture = self.finish(extcap)
        counters = capture.counters()
        self.assertEqual((counters["ifrecv"], counters["filteraccept"]), (20010, 20010))
        self.assertEqual(counters["usrdeliv"] + counters["osdrop"], 20010)
        self.assertEqual(counters["osdrop"], 0)
        self.assertEqual(capture.data(), sent)
        self.assertGreater(len(self.comments(capture)), 0)

    def test_slow_filter(self):
        """While libpcap compiles for minutes, frames arrive, and a later filter takes effect at once."""
        extcap = self.run_extcap()
        before = self.threads(extcap)
        self.bar.set(FILTER, SLOW)
        harness.wait_until(lambda: self.threads(extcap) > before, "a thread that compiles")
        for number in range(5):
            self.send(frames([number]))
            extcap.wait_blocks(3 + number)
        self.bar.set(DIRECTION, "in")
        self.wait_log("the change is in effect")
        self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
        self.assertGreater(self.threads(extcap), before, "the slow one was compiled in no time")
        self.send(frames([5], 0x88B5) + frames([6], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames(range(5)) + frames([6], 0x88B6))

    def threads(self, extcap):
        return len(os.listdir(f"/proc/{extcap.pid}/task"))

    def test_wrong_filter(self):
        """A box shows the reason, and the previous filter stays."""
        extcap = self.run_extcap()
        self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
        for text in ("tcp prot 80", "ip6 protochain 6", "\xff\xfe", "(" * 1000):
            self.bar.messages.clear()
            self.bar.set(FILTER, text)
            self.bar.wait_text(toolbar.WARNING, "filter")
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames([2], 0x88B6))

    def test_kernel_refuses(self):
        """The previous state stays in effect, and the next change can succeed."""
        extcap = self.run_extcap()
        self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
        limit = resource.prlimit(extcap.pid, resource.RLIMIT_NOFILE)
        # No more descriptors can be opened; poll(2) is limited by this number as well.
        used = {int(fd) for fd in os.listdir(f"/proc/{extcap.pid}/fd")}
        unused = next(fd for fd in range(1000) if fd not in used)
        resource.prlimit(extcap.pid, resource.RLIMIT_NOFILE, (unused, limit[1]))
        self.bar.set(FILTER, "arp")
        self.bar.wait_text(toolbar.WARNING, "cannot change the capture filter: Too many open files")
        self.wait_log("the previous state is restored")
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        resource.prlimit(extcap.pid, resource.RLIMIT_NOFILE, limit)
        self.change(FILTER, "ether proto 0x88b5", "ether proto 0x88b5")
        self.send(frames([3], 0x88B5) + frames([4], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames([2], 0x88B6) + frames([3], 0x88B5))

    def test_interface_is_deleted(self):
        """One of two interfaces: the toolbar still works on the other."""
        self.pair.add("near2", "far2")
        extcap = self.run_extcap(interface="any")
        self.pair.near.ip("link", "del", "near2")
        self.change(FILTER, "ether proto 0x88b6", "ether proto 0x88b6")
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames([2], 0x88B6))
        self.assertEqual(self.bar.texts(toolbar.WARNING), [])


class Begin(ToolbarCase):
    """What the toolbar shows when a capture starts."""

    def test_controls(self):
        with net.Process([XDPTAP, "--extcap-interfaces"], self.pair.near) as process:
            process.wait()
            answer = sentences.parse(process.stdout())
        controls = [s.values for s in answer if s.keyword == "control"]
        self.assertEqual([(int(c["number"]), c["type"]) for c in controls],
                         [(FILTER, "string"), (DIRECTION, "selector"), (PAUSE, "boolean"),
                          (LOG, "button")])
        values = [s.values for s in answer if s.keyword == "value"]
        self.assertEqual([v["value"] for v in values if v.get("default") == "true"], ["both"])
        self.assertTrue(all(v["control"] == str(DIRECTION) for v in values))
        self.assertTrue(all(c["display"] and c["tooltip"] for c in controls))

    def shown(self):
        """Returns the values that the controls were set to."""
        harness.wait_until(lambda: len([m for m in self.bar.read() if m[1] == toolbar.SET]) >= 3, "three")
        return {number: payload for number, command, payload in self.bar.messages
                if command == toolbar.SET}

    def test_shows_what_is_in_effect(self):
        extcap = self.extcap(*self.bar.options, "--extcap-capture-filter", "ether proto 0x88b6",
                             "--direction", "in")
        # left over from an earlier capture; this one was started with other values
        self.bar.open(toolbar.message(FILTER, toolbar.SET, b"arp"),
                      toolbar.message(DIRECTION, toolbar.SET, b"out"),
                      toolbar.message(PAUSE, toolbar.SET, b"\1"))
        extcap.open()
        self.assertEqual(self.shown(), {FILTER: b"ether proto 0x88b6", DIRECTION: b"in", PAUSE: b"\0"})
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        capture = self.finish(extcap)
        self.assertEqual(capture.data(), frames([2], 0x88B6))
        self.assertEqual(self.comments(capture), [])

    def test_takes_what_was_set_before(self):
        extcap = self.run_extcap(before=[toolbar.message(FILTER, toolbar.SET, b"ether proto 0x88b6")])
        self.assertEqual(self.shown()[FILTER], b"ether proto 0x88b6")
        self.wait_log("in effect")
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames([2], 0x88B6))

    def test_counters(self):
        extcap = self.run_extcap("--direction", "in")
        self.bar.wait_text(toolbar.STATUSBAR, "0 seen, 0 kept, 0 lost, 0/s")
        self.send(frames(range(50)))
        self.bar.wait_text(toolbar.STATUSBAR, "50 seen, 50 kept, 0 lost")
        self.bar.set(PAUSE, b"\1")
        self.bar.wait_text(toolbar.STATUSBAR, "paused")
        self.finish(extcap)

    def test_losses_are_counted(self):
        extcap = self.run_extcap("--buffer-size", "1")
        extcap.signal(signal.SIGSTOP)
        self.send(frames(range(3000), size=1000))
        extcap.signal(signal.SIGCONT)
        text = self.bar.wait_text(toolbar.STATUSBAR, " 3000 seen")
        lost = int(re.search(r"(\d+) lost", text)[1])
        self.assertGreater(lost, 0)
        self.assertEqual(self.finish(extcap).counters()["osdrop"], lost)

    def test_log(self):
        extcap = self.run_extcap()
        self.wait_log("near: received frames at xdp, native mode")
        self.finish(extcap)
        self.wait_log("near: seen 0")


class Failure(ToolbarCase):
    """Wireshark blocks until xdptap opens its pipe. If nothing at all came through the FIFO, it would keep the
    pipes of this toolbar, and give none to the next capture."""

    def assert_only_head(self, extcap):
        with open(extcap.fifo, "rb") as fifo:
            capture = Capture(fifo.read())
        self.assertEqual([block.name for block in capture.blocks], ["SHB", "IDB"])

    def start_and_fail(self, *options, interface="near", delay=0.0):
        extcap = self.extcap(*self.bar.options, *options, interface=interface)
        time.sleep(delay)
        self.bar.open()
        self.assert_only_head(extcap)
        self.assertNotEqual(extcap.wait(harness.SOON), 0)
        self.assert_sentence(extcap.stderr())
        self.renew(extcap)

    def test_every_step(self):
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        for options in (("--point", "xdp"), ("--mode", "sideways"), ("--snaplen", "0"),
                        ("--extcap-capture-filter", "tcp prot"), ("--netns", "nowhere"),
                        ("--log-file", "/nowhere/log"), ("--buffer-size", "1024")):
            for delay in (0, 0.2):
                with self.subTest(options, delay=delay):
                    if options[0] != "--buffer-size":
                        self.start_and_fail(*options, delay=delay)
        self.start_and_fail(interface="none0")
        self.start_and_fail(interface="none0", delay=0.2)

    def test_wireshark_comes_late(self):
        """The reader of the FIFO comes before the toolbar: xdptap still holds the pipe open."""
        if harness.SLOWNESS > 1:
            self.skipTest("this machine is too slow to come in time")
        extcap = self.extcap(*self.bar.options, "--mode", "sideways")
        self.assert_only_head(extcap)
        time.sleep(0.3)
        self.assertFalse(extcap.has_ended())
        self.bar.open()
        self.assertEqual(extcap.wait(harness.SOON), 2)

    def test_stopped_before_wireshark_came(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                extcap = self.extcap(*self.bar.options)
                harness.wait_until(lambda: net.catches(extcap.pid, number), "its handlers")
                extcap.signal(number)
                self.assertEqual(extcap.wait(harness.SOON), 0)
                os.unlink(extcap.fifo)

    def test_pipes_that_are_none(self):
        """A capture without a toolbar, which creates and writes nothing there."""
        for path in (self.bar.to, self.bar.of):
            os.unlink(path)
        with open(self.bar.of, "wb") as file:
            file.write(b"dear")
        extcap = self.extcap(*self.bar.options)
        extcap.open()
        self.send(frames([1]))
        extcap.wait_blocks(3)
        time.sleep(1.2)
        self.assertEqual(self.finish(extcap).data(), frames([1]))
        self.assertFalse(os.path.exists(self.bar.to))
        with open(self.bar.of, "rb") as file:
            self.assertEqual(file.read(), b"dear")


class Hostile(ToolbarCase):
    def check_alive(self, extcap, marker=0xBEEF):
        self.send(frames([marker]))
        harness.wait_until(lambda: extcap.read() and False or
                           frames([marker])[0] in extcap.stream, "a frame that was just sent")

    def test_broken_messages(self):
        generator = random.Random(7)
        nasty = [b"", b"T", b"T\0\0", b"T\xff\xff\xff\0\1" + bytes(1000), b"T\0\0\0", b"T\0\0\1\0",
                 toolbar.message(200, 200), toolbar.message(FILTER, 99, b"x"),
                 toolbar.message(99, toolbar.SET, b"x"), toolbar.message(FILTER, toolbar.SET, bytes(65535)),
                 toolbar.message(PAUSE, toolbar.SET, b""), toolbar.message(PAUSE, toolbar.SET, b"12"),
                 toolbar.message(DIRECTION, toolbar.SET, b"sideways"), toolbar.message(0, 0) * 3,
                 toolbar.message(0, 1, b"x", indicator=b"Q"), generator.randbytes(5000)]
        for data in nasty:
            with self.subTest(data[:20]):
                extcap = self.run_extcap()
                os.set_blocking(self.bar.writer, False)
                try:
                    os.write(self.bar.writer, data)
                except BlockingIOError:
                    pass
                self.check_alive(extcap)
                self.finish(extcap)
                self.renew(extcap)

    def test_in_pieces(self):
        extcap = self.run_extcap()
        for byte in toolbar.message(0, 1, b"unknown indicator", indicator=b"Q") + toolbar.message(
                FILTER, toolbar.SET, b"ether proto 0x88b6"):
            os.write(self.bar.writer, bytes([byte]))
            time.sleep(0.001)
        self.wait_log("in effect")
        self.send(frames([1], 0x88B5) + frames([2], 0x88B6))
        self.assertEqual(self.finish(extcap).data(), frames([2], 0x88B6))

    def test_pipes_are_closed(self):
        """The capture continues, without a busy loop."""
        extcap = self.run_extcap()
        self.bar.wait_text(toolbar.STATUSBAR, "seen")
        self.bar.close()
        self.check_alive(extcap)
        before = self.ticks(extcap)
        time.sleep(1)
        self.assertLess(self.ticks(extcap) - before, 20)
        self.finish(extcap)

    def ticks(self, extcap):
        """CPU time, in hundredths of a second."""
        with open(f"/proc/{extcap.pid}/stat", encoding="ascii") as file:
            return sum(int(n) for n in file.read().rpartition(")")[2].split()[11:13])

    def test_not_read(self):
        """Wireshark does not read our messages: they are lost, and the capture continues."""
        extcap = self.run_extcap()
        for number in range(3000):  # rejected with messages: the last one, and those before it that were read in time
            self.bar.set(FILTER, f"tcp prot {number}")
        self.check_alive(extcap)
        self.finish(extcap)

    def test_flood_of_changes(self):
        """Changes without a pause: the last one counts, and frames are captured all the time."""
        extcap = self.run_extcap()
        end = time.monotonic() + 2
        number = 0
        while time.monotonic() < end:
            self.bar.set(FILTER, f"not ether proto {number % 60000 + 1}")
            self.bar.set(DIRECTION, ("in", "both")[number % 2])
            self.bar.set(PAUSE, bytes([number % 2]))
            number += 1
            self.bar.read()
            extcap.read()
        self.bar.set(PAUSE, b"\0")
        self.change(FILTER, "ether proto 0x88b5", "ether proto 0x88b5")
        self.check_alive(extcap)
        self.finish(extcap)


if __name__ == "__main__":
    harness.main()
