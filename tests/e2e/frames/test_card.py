#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time stamps of a NIC's PTP hardware clock: kernels/card gives every veth one."""
import os
import subprocess
import time

import harness
import net
from captures import Capture, read_pcap
from program import Case, Wireshark, xdptap
from toolbar import ADD, FILTER, LOG, Toolbar

CARD = os.environ.get("XDPTAP_TESTS_CARD", "")  # the module
LATE_NS = 400_000_000  # how long the NIC holds a frame
ERROR_NS = 250_000_000  # between our time stamp and tcpdump's, on an emulated CPU


class Card(Case):
    def setUp(self):
        if not CARD:
            self.skipTest("this machine has no card with a clock")
        super().setUp()
        self.module("modprobe", "veth")
        self.module("insmod", CARD, f"late_ns={LATE_NS}")
        self.addCleanup(self.module, "rmmod", "card")

    def module(self, *command):
        subprocess.run(["/run/busybox", *command], check=True)

    def set(self, parameter, value):
        with open(f"/sys/module/card/parameters/{parameter}", "w", encoding="ascii") as file:
            file.write(value)

    def stamped(self, *options):
        return self.start("-j", "adapter", *options)

    def watch(self, send):
        """(frames sent, frames that tcpdump captured)"""
        with net.tcpdump(self.pair.near, self.path("tcpdump.pcap"), "in") as reference:
            frames = send()
            harness.wait_until(lambda: len(self.seen()) >= len(frames), "tcpdump's frames")
            reference.signal()
            reference.wait()
        return frames, self.seen()

    def compare(self, capture, send):
        """(tcpdump's packets of the frames sent, our packets of the same frames)"""
        frames, references = self.watch(send)
        capture.wait_packets(len(frames))
        packets = capture.finish().packets
        self.assertEqual([packet.data for packet in packets], frames)
        return references, packets

    def seen(self):
        path = self.path("tcpdump.pcap")
        return read_pcap(path) if os.path.exists(path) and os.path.getsize(path) >= 24 else []

    def assert_earlier(self, references, packets, by_ns):
        for reference, packet in zip(references, packets, strict=True):
            self.assertAlmostEqual(reference.ts_ns - packet.ts_ns, by_ns, delta=ERROR_NS)

    def slowly(self, frames=16):
        """Captures for long enough that the PHC, which is 5 % off, drifts by more than the tolerance."""
        sent = []
        with self.pair.sender() as sender:
            for number in range(frames):
                sent.append(net.frame(100, number))
                sender.send(sent[-1])
                time.sleep(0.5)  # waits for the clock, not for an event
        return sent

    def test_times(self):
        """A frame's time stamp is the NIC's receive time, converted to system time."""
        capture = self.stamped("-Q", "in")
        references, packets = self.compare(capture, self.slowly)
        self.assertEqual(capture.stderr().count(b"card"), 0, capture.text())
        self.assert_earlier(references, packets, LATE_NS)

    def test_the_file_says_so(self):
        interface, = self.stamped().finish().interfaces
        self.assertIn("received frames at xdp, native mode, time stamps of the NIC; sent frames",
                      interface.option("opt_comment"))

    def test_order(self):
        """Sent frames have host times and the NIC delivers late; still, times never go back."""
        capture = self.stamped()
        self.pair.ping(50)
        capture.wait_packets(100)
        times = [packet.ts_ns for packet in capture.finish().packets]
        self.assertEqual(times, sorted(times))

    def test_a_silent_card(self):
        """A frame without a NIC time stamp gets the system time; one warning and the file say so."""
        self.set("is_silent", "Y")
        capture = self.stamped("-Q", "in")
        references, packets = self.compare(capture, lambda: self.pair.send(7))
        self.assert_earlier(references, packets, 0)
        self.assertEqual(capture.stderr().count(b"the NIC gave no time stamp"), 1, capture.text())

    def test_an_answer_that_cannot_be(self):
        """A PHC that has just been stepped by a large amount is ignored."""
        for late_ns in (4_000_000_000, 2**32 - 1):
            with self.subTest(late_ns):
                self.set("late_ns", str(late_ns))
                capture = self.stamped("-Q", "in")
                references, packets = self.compare(capture, lambda: self.pair.send(3))
                self.assert_earlier(references, packets, 0)

    def test_tshark(self):
        """Set as a preference, as the dialog does."""
        file = self.path("tshark.pcapng")
        with Wireshark(self.folder).tshark(
                "-i", "xdptap-near", "-o", "extcap.xdptap_near.timestamptype:adapter", "-o",
                "extcap.xdptap_near.direction:in", "-c", "5", "-w", file, namespace=self.pair.near) as tshark:
            harness.wait_until(lambda: self.pair.near.xdp() or tshark.has_ended(), "the capture")
            frames, references = self.watch(lambda: self.pair.send(5))
            self.assertEqual(tshark.wait(2 * harness.DEADLINE), 0, tshark.text())
        packets = Capture(file).packets
        self.assertEqual([packet.data for packet in packets], frames)
        self.assert_earlier(references, packets, LATE_NS)

    def test_toolbar(self):
        """As an extcap whose filter changes during the capture: the new program uses the NIC's times, too."""
        bar = Toolbar(self.folder)
        self.addCleanup(bar.close)
        extcap = self.extcap("--time-stamp-type", "adapter", "--direction", "in", *bar.options)
        bar.open()
        extcap.open()
        self.pair.send(5)
        bar.set(FILTER, f"ether proto {net.ETHERTYPE}")
        bar.wait_text(ADD, "in effect", LOG)
        frames, references = self.watch(lambda: self.pair.send(7, 200))
        extcap.wait_blocks(2 + 5 + 7)
        packets = extcap.finish().packets[5:]
        self.assertEqual([packet.data for packet in packets], frames)
        self.assert_earlier(references, packets, LATE_NS)

    def test_filter_and_snaplen(self):
        capture = self.stamped("-Q", "in", "-s", "20", "-f", f"ether proto {net.ETHERTYPE}")
        sent = self.pair.send(40, 1400)
        self.pair.ping(2)
        capture.wait_packets(40)
        packets = capture.finish().packets
        self.assertEqual([(p.data, p.length) for p in packets], [(f[:20], 1400) for f in sent])

    def test_a_driver_that_does_not_tell(self):
        self.pair.near.ip("tuntap", "add", "tap", "mode", "tap")
        self.refuse("tap", "driver", "does not pass time stamps")

    def test_a_clock_that_may_not_be_read(self):
        os.rename("/dev/ptp0", "/dev/elsewhere")
        self.addCleanup(os.rename, "/dev/elsewhere", "/dev/ptp0")
        self.refuse("near", "/dev/ptp0", "No such file")

    def test_a_card_that_is_off(self):
        self.set("is_off", "Y")
        self.refuse("near", "hwstamp_ctl -i near -r 1")

    def refuse(self, interface, *words):
        status, _, error = xdptap("-i", interface, "-w", self.path("x"), "-j", "adapter",
                                  namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(error, interface, "--time-stamp-type host", *words)

    def test_no_clock(self):
        """Without the module, a veth has no PHC."""
        self.module("rmmod", "card")
        self.addCleanup(self.module, "insmod", CARD)
        self.refuse("near", "no clock")


if __name__ == "__main__":
    harness.main()
