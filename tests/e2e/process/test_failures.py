#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A failure prints one sentence with its cause; it changes nothing and loses nothing."""
import os

import harness
import net
from captures import Capture
from program import NOBODY, XDPTAP, Case, xdptap


class Start(Case):
    """A capture that cannot start, standalone and as an extcap."""

    def refuse(self, *words, status=1, interface="near", options=(), program=XDPTAP, user=None,
               both=True):
        """Fails standalone, then with a FIFO that must be opened and closed without writing a byte."""
        file = self.path("refused.pcapng")
        with net.Process([program, "-i", interface, "-w", file, *options], self.pair.near,
                         user=user) as process:
            self.assertEqual(process.wait(), status, process.text())
            self.assertEqual(process.stdout(), b"")
            self.assert_sentence(process.stderr(), *words)
        self.assertFalse(os.path.exists(file), "a file was made")
        if not both:
            return
        fifo = self.path("refused")
        os.mkfifo(fifo)
        if user:
            os.chown(fifo, user, user)
        with net.Process([program, "--capture", "--extcap-interface", f"xdptap-{interface}", "--fifo",
                          fifo, *options], self.pair.near, user=user) as process:
            with open(fifo, "rb") as reader:  # waits for the writer
                self.assertEqual(reader.read(), b"")
            self.assertEqual(process.wait(), status, process.text())
            self.assertEqual(process.stdout(), b"")
            self.assert_sentence(process.stderr(), *words)
        os.unlink(fifo)

    def test_unknown_interface(self):
        self.refuse("none0", interface="none0")
        self.refuse("", interface="")
        self.refuse("a-name-that-is-longer-than-any", interface="a-name-that-is-longer-than-any")

    def test_long_and_wild_names(self):
        for name in ("x" * 5000, "new\nline", "\x1b[31m", "\udcff\udcfe"):
            with self.subTest(name[:20]):
                status, out, err = xdptap("-i", name, "-w", self.path("x"))
                self.assertEqual((status, out), (1, b""))
                self.assert_sentence(err)
                self.assertNotIn(b"\x1b", err)

    def test_no_privilege(self):
        program = self.everybodys()
        os.chmod(self.folder, 0o777)
        self.refuse("setcap cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon+ep " + program, program=program,
                    user=NOBODY)

    def test_occupied(self):
        for mode, kind in (("xdp", "native"), ("xdpgeneric", "generic")):
            with self.subTest(kind):
                self.pair.near.load_xdp(os.environ["XDP_PASS"], mode=mode)
                before = self.pair.near.xdp()
                for choice in ("auto", "native", "generic"):
                    self.refuse("near", str(before["prog"]["id"]), before["prog"]["name"], kind,
                                options=("--point", "xdp", "--mode", choice))
                self.assertEqual(self.pair.near.xdp(), before)
                self.pair.near.ip("link", "set", "near", mode, "off")

    def test_filter(self):
        for face in (("-i", "near", "-w", self.path("x"), "-f"),
                     ("--capture", "--extcap-interface", "xdptap-near", "--fifo", self.path("x"),
                      "--extcap-capture-filter")):
            for text in ("tcp prot 80", "ip6 protochain 6"):
                status, _, err = xdptap(*face, text, namespace=self.pair.near)
                self.assertNotEqual(status, 0)
                self.assert_sentence(err, "filter")
        self.assertFalse(os.path.exists(self.path("x")))
        self.assert_free()

    def test_an_empty_filter_is_none(self):
        capture = self.start("-f", "")
        self.pair.send(1)
        capture.wait_packets(1)
        capture.finish()

    def test_bad_option(self):
        self.refuse("snaplen", "0", "262144", options=("--snaplen", "0"), status=2)
        self.refuse("mode", "sideways", "native", options=("--mode=sideways",), status=2)

    def test_native_is_impossible(self):
        self.pair.near.ip("link", "add", "bridge", "type", "bridge")
        self.pair.near.ip("link", "set", "bridge", "up")
        self.refuse("native", "bridge", interface="bridge", options=("--mode", "native"))

    def test_automatic_falls_back(self):
        """A bridge has no native XDP, and in generic mode VLAN tags are missing: captured at tc, as the file says."""
        self.pair.near.ip("link", "add", "bridge", "address", net.NEAR_MAC, "type", "bridge")
        self.pair.near.ip("link", "set", "near", "master", "bridge")
        self.pair.near.ip("link", "set", "bridge", "up")
        frames = [net.frame(100)[:12] + bytes.fromhex("81000064") + net.frame(100, 1)[12:], net.frame(100)]
        capture = self.start("-Q", "in", "-f", "vlan 100", interface="bridge")
        everything = self.start("-Q", "in", interface="bridge", file="everything")
        self.assertIsNone(self.pair.near.xdp("bridge"))
        self.pair.send_all(frames)
        everything.wait_packets(2)
        capture.wait_packets(1)
        self.assertEqual(everything.finish().data(), frames)
        finished = capture.finish()
        self.assertEqual(finished.data(), frames[:1])
        self.assertIn("received frames at tc-ingress", finished.interfaces[0].option("opt_comment"))
        self.assertEqual(capture.stderr().count(b"xdptap:"), 0, capture.stderr())

    def test_tags_in_generic_mode(self):
        """A filter for what generic mode does not see is warned of."""
        capture = self.start("--mode", "generic", "-f", "vlan and icmp")
        capture.wait_for("use --point tc")
        capture.finish()
        quiet = self.start("--mode", "generic", "-f", "icmp", file="quiet")
        quiet.finish()
        self.assertNotIn(b"tc", quiet.stderr())

    def test_times_of_a_nic(self):
        """A veth has no PHC. If there is one, only XDP programs in native mode get its time stamps."""
        self.refuse("near", "no clock", "host", options=("--time-stamp-type", "adapter"))
        for elsewhere in (("--point", "tc"), ("--point", "trace"), ("--verdict", "drop"),
                          ("--mode", "generic")):
            self.refuse("adapter", "native", options=("--time-stamp-type", "adapter", *elsewhere),
                        status=2)
        self.refuse("host, adapter", options=("--time-stamp-type", "sundial"), status=2)

    def test_output_cannot_be_opened(self):
        for place in ("/nowhere/out.pcapng", self.folder):
            status, _, err = xdptap("-i", "near", "-w", place, namespace=self.pair.near)
            self.assertEqual(status, 1)
            self.assert_sentence(err, place)
        self.assert_free()

    def test_an_old_file_is_spared(self):
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        with open(self.path("old"), "wb") as file:
            file.write(b"dear")
        status, _, _ = xdptap("-i", "near", "-w", self.path("old"), "--point", "xdp",
                              namespace=self.pair.near)
        self.assertEqual(status, 1)
        with open(self.path("old"), "rb") as file:
            self.assertEqual(file.read(), b"dear")

    def test_no_fifo_there(self):
        status, _, err = xdptap("--capture", "--extcap-interface", "xdptap-near", "--fifo",
                                "/nowhere/fifo", namespace=self.pair.near)
        self.assertEqual(status, 1)
        self.assert_sentence(err, "/nowhere/fifo")

    def test_log_cannot_be_opened(self):
        self.refuse("/nowhere/log", options=("--log-file", "/nowhere/log"))

    def test_second_interface_is_unknown(self):
        self.refuse("none0", options=("-i", "none0"), both=False)
        self.assert_free()


class Later(Case):
    """A capture that fails after it started."""

    def test_full_disk(self):
        self.small_disk("512k")
        capture = self.start(file="disk/out.pcapng")
        with self.pair.sender() as sender:
            sent = 0
            while not capture.has_ended() and sent < 100000:
                sender.send(net.frame(1000, sent))
                sent += 1
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), "disk is full")
        self.assert_free()
        data = Capture(capture.file).data()  # readable to its end
        self.assertGreater(len(data), 100)
        self.assertEqual(data, [net.frame(1000, number) for number in range(len(data))])
        self.assertGreater(os.path.getsize(capture.file), 400000)

    def test_full_from_the_start(self):
        with net.Process([XDPTAP, "-i", "near", "-w", "/dev/full"], self.pair.near) as process:
            self.assertEqual(process.wait(), 1)
            self.assert_last_sentence(process.stderr(), "disk is full")
        self.assert_free()

    def test_interface_is_deleted(self):
        capture = self.start()
        self.pair.send(3)
        capture.wait_packets(3)
        self.pair.near.ip("link", "del", "near")
        self.assertEqual(capture.wait(harness.SOON), 1)
        self.assert_last_sentence(capture.stderr(), "near", "deleted")
        self.assertEqual(len(Capture(capture.file).packets), 3)

    def test_interface_is_deleted_under_wireshark(self):
        extcap = self.extcap()
        extcap.open()
        self.pair.send(3)
        extcap.wait_blocks(5)
        self.pair.near.ip("link", "del", "near")
        self.assertEqual(extcap.read_rest(harness.SOON), 1)
        self.assert_sentence(extcap.stderr(), "near", "deleted")
        self.assertEqual(len(Capture(extcap.stream).packets), 3)

    def test_one_of_two_is_deleted(self):
        self.pair.add("near2", "far2")
        capture = self.start("-i", "near2")
        self.pair.near.ip("link", "del", "near2")
        self.pair.send(2)
        capture.wait_packets(2)
        self.assertFalse(capture.has_ended())
        capture.signal()
        capture.wait()
        self.assertEqual(len(Capture(capture.file).packets), 2)

    def test_link_goes_down_and_up(self):
        capture = self.start()
        self.pair.send(1)
        capture.wait_packets(1)
        self.pair.near.ip("link", "set", "near", "down")
        self.pair.near.ip("link", "set", "near", "up")
        self.pair.near.ip("neigh", "replace", net.FAR_IP, "lladdr", net.FAR_MAC, "dev", "near", "nud",
                          "permanent")
        self.pair.send(1)
        capture.wait_packets(2)
        self.assertEqual(len(capture.finish().packets), 2)


if __name__ == "__main__":
    harness.main()
