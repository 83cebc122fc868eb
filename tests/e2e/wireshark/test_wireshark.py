#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tshark lists interfaces, captures and reports failures through xdptap; dumpcap passes the stream on."""
import os
import re
import shutil
import signal

import harness
import net
import sentences
from captures import Capture
from program import NOBODY, Case, Wireshark, xdptap

PIPE_ERROR = b" extcap pipe"  # before what an extcap prints on stderr: Wireshark 4.0 says "by", 4.4 "from"


class WiresharkCase(Case):
    def setUp(self):
        super().setUp()
        self.wireshark = Wireshark(self.folder)
        self.file = self.path("out.pcapng")

    def tshark(self, *options):
        """Returns a tshark that captures on near."""
        return self.enterContext(self.wireshark.tshark(
            "-i", "xdptap-near", "-w", self.file, *options, namespace=self.pair.near))

    def wait_attached(self, interface="near"):
        """Waits until everything is attached, which is when the header of the file appears."""
        super().wait_attached(interface)
        harness.wait_until(lambda: os.path.exists(self.file) and os.path.getsize(self.file),
                           "the head of the file")

    def finish(self, tshark, number=None):
        """Stops it, checks that it printed no complaint, and returns its capture file."""
        if number:
            tshark.signal(number)
        self.assertEqual(tshark.wait(), 0, tshark.text())
        self.assertNotIn(PIPE_ERROR, tshark.stderr())
        self.assert_free()
        return Capture(self.file)


class Captures(WiresharkCase):
    def test_list(self):
        status, out, err = self.wireshark.run("-D", namespace=self.pair.near)
        self.assertEqual(status, 0, err)
        names = re.findall(r"^\d+\. (\S+)", out.decode(), re.MULTILINE)
        self.assertEqual(names.count("xdptap-near"), 1)
        self.assertEqual(names.count("near"), 1)
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("(XDP tap on near, veth)", out.decode())

    def test_is_among_the_plugins(self):
        status, out, _ = self.wireshark.run("-G", "plugins", namespace=self.pair.near)
        self.assertEqual(status, 0)
        version = xdptap("--version")[1].split()[1].decode()
        self.assertRegex(out.decode(), rf"(?m)^xdptap\S*\s+{re.escape(version)}\s.*/extcap/xdptap$")

    def test_directions_and_queues_are_shown(self):
        tshark = self.tshark("-c", "2")
        self.wait_attached()
        self.pair.ping(1)
        self.finish(tshark)
        status, out, _ = self.wireshark.run("-r", self.file, "-V")
        self.assertEqual(status, 0)
        for words in ("Direction: Inbound (0x1)", "Direction: Outbound (0x2)", "Interface name: near",
                      "Interface queue: 0"):
            self.assertIn(words, out.decode())

    def test_link_types(self):
        status, out, err = self.wireshark.run("-i", "xdptap-near", "-L", namespace=self.pair.near)
        self.assertEqual(status, 0, err)
        self.assertIn(b"EN10MB", out + err)

    def test_packets(self):
        tshark = self.tshark("-P", "-c", "10")
        self.wait_attached()
        self.pair.ping(5)
        capture = self.finish(tshark)
        self.assertEqual(tshark.stdout().count(b"Echo (ping) request"), 5)
        self.assertEqual(tshark.stdout().count(b"Echo (ping) reply"), 5)
        self.assertEqual(len(capture.packets), 10)
        interface, = capture.interfaces
        self.assertEqual((interface.option("if_name"), interface["linktype"]), ("near", 1))
        self.assertEqual(interface.option("if_tsresol"), 9)
        self.assertTrue(capture.section.option("shb_userappl").startswith("xdptap"))

    def test_times_are_the_clock(self):
        before = harness.clock_ns()
        tshark = self.tshark("-c", "1")
        self.wait_attached()
        self.pair.send(1)
        packet, = self.finish(tshark).packets
        self.assertTrue(before <= packet.ts_ns <= harness.clock_ns())

    def test_idle(self):
        """A capture without packets, stopped after a second, is a valid file."""
        capture = self.finish(self.tshark("-a", "duration:1"))
        self.assertEqual(capture.packets, [])
        self.assertEqual(len(capture.interfaces), 1)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                tshark = self.tshark()
                self.wait_attached()
                self.assertEqual(self.finish(tshark, number).packets, [])
                os.unlink(self.file)

    def test_preferences(self):
        tshark = self.tshark("-c", "3", "-o", "extcap.xdptap_near.snaplen:64")
        self.wait_attached()
        sent = self.pair.send(3, 1000)
        packets = self.finish(tshark).packets
        self.assertEqual([(p.length, p.data) for p in packets],
                         [(1000, data[:64]) for data in sent])

    def test_every_preference(self):
        """Each option of the dialog can be set in tshark, too, and has its effect."""
        log = self.path("log")
        settings = {"--snaplen": "64", "--direction": "in", "--point": "xdp", "--mode": "generic",
                    "--promiscuous-mode": "false", "--buffer-size": "1",
                    "--netns": self.pair.near.name, "--format": "pcapng", "--log-level": "debug", "--log-file": log}
        offered = xdptap("--extcap-config", "--extcap-interface", "xdptap-near",
                         namespace=self.pair.near)[1]
        elsewhere = {"--verdict", "--program", "--at", "--filter-at",  # test_trace.py
                     "--time-stamp-type",  # test_card.py
                     "--process",  # test_owners.py
                     "--tls-keylog",  # test_tls_keylog.py
                     "--with-drops", "--reason", "--not-reason"}  # test_drop_capture.py
        self.assertEqual({a["call"] for a in sentences.named(offered, "arg")}, set(settings) | elsewhere)
        tshark = self.tshark("-c", "1", *(
            f"-oextcap.xdptap_near.{call.replace('-', '')}:{value}"
            for call, value in settings.items()))
        self.wait_attached()
        self.assertEqual(self.pair.near.xdp()["mode"], 2)
        self.assertEqual(self.pair.near.link("near")["promiscuity"], 0)
        self.pair.send(1, 500)
        self.assertEqual([len(data) for data in self.finish(tshark).data()], [64])
        with open(log, encoding="utf-8") as file:
            words = file.read()
        for call, value in settings.items():
            self.assertIn(call if value == "true" else f"{call} {value}", words)

    def test_pcap(self):
        tshark = self.tshark("-c", "3", "-o", "extcap.xdptap_near.format:pcap")
        self.wait_attached()
        sent = self.pair.send(3)
        packets = self.finish(tshark).packets
        self.assertEqual([packet.data for packet in packets], sent)
        self.assertTrue(any(packet.ts_ns % 1000 for packet in packets))

    def test_personal_folder(self):
        """It is found in the personal folder that README.md names for this version."""
        _, out, _ = self.wireshark.run("--version")
        is_new = tuple(map(int, re.search(rb" (\d+)\.(\d+)", out).groups())) >= (4, 2)
        for place, is_seen in ((".config", not is_new), (".local/lib", is_new)):
            home = self.path(place.replace("/", "-"))
            os.makedirs(f"{home}/{place}/wireshark/extcap")
            os.symlink(self.wireshark.program, f"{home}/{place}/wireshark/extcap/xdptap")
            self.wireshark.env["HOME"] = home
            status, out, _ = self.wireshark.run("-D", namespace=self.pair.near)
            self.assertEqual(status, 0)
            self.assertEqual(b"xdptap-near" in out, is_seen, place)

    def test_two_at_once(self):
        """Two interfaces in one tshark: dumpcap merges the streams."""
        self.pair.add("near2", "far2")
        tshark = self.tshark("-i", "xdptap-near2", "-c", "4")
        self.wait_attached()
        self.wait_attached("near2")
        with self.pair.sender("far") as one, self.pair.sender("far2") as two:
            for number in range(2):
                one.send(net.frame(100, number))
                two.send(net.frame(200, number))
        capture = self.finish(tshark)
        self.assertEqual({i.option("if_name") for i in capture.interfaces}, {"near", "near2"})
        self.assertEqual(sorted(len(data) for data in capture.data()), [100, 100, 200, 200])


class Failures(WiresharkCase):
    def check(self, tshark, *words):
        """tshark exits by itself, with a status and our one error message."""
        self.assertNotEqual(tshark.wait(2 * harness.DEADLINE), 0)
        text = tshark.stderr()
        self.assertIn(PIPE_ERROR, text)
        self.assertEqual(text.count(b"xdptap: "), 1, text)
        self.assertNotIn(b"There is no device named", text)
        said = text[text.index(b"xdptap: "):].split(b"\n")[0] + b"\n"
        self.assert_sentence(said, *words)

    def test_occupied(self):
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        before = self.pair.near.xdp()
        self.check(self.tshark("-o", "extcap.xdptap_near.point:xdp"), "near", before["prog"]["name"], str(before["prog"]["id"]))
        self.assertEqual(self.pair.near.xdp(), before)

    def test_bad_filter(self):
        self.check(self.tshark("-f", "tcp prot 80"), "filter")
        self.assert_free()

    def test_bad_option(self):
        self.check(self.tshark("-o", "extcap.xdptap_near.mode:sideways"), "mode", "sideways", "native")
        self.assert_free()

    def test_no_privilege(self):
        self.wireshark = Wireshark(self.path("nobody"), shutil.copy(
            self.wireshark.program, self.path("xdptap")))
        self.wireshark.give_to(NOBODY)
        self.file = self.wireshark.temporary + "/out.pcapng"
        self.check(self.enterContext(self.wireshark.tshark(
            "-i", "xdptap-near", "-w", self.file, namespace=self.pair.near, user=NOBODY)),
            "setcap cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon+ep " + self.path("xdptap"))


class Death(WiresharkCase):
    """One of the three processes is killed, on an idle interface."""

    def running(self):
        tshark = self.tshark()
        self.wait_attached()
        return tshark, {net.stat(pid).name: pid for pid in net.children(tshark.pid)}

    def test_tshark(self):
        tshark, children = self.running()
        objects = net.bpf_objects(children["xdptap"])
        tshark.signal(signal.SIGKILL)
        self.assert_gone(children["xdptap"])
        self.assert_free()
        self.assert_unloaded(objects)
        self.assert_gone(children["dumpcap"])

    def test_dumpcap(self):
        _, children = self.running()
        os.kill(children["dumpcap"], signal.SIGKILL)
        self.assert_gone(children["xdptap"])
        self.assert_free()

    def test_xdptap(self):
        tshark, children = self.running()
        os.kill(children["xdptap"], signal.SIGKILL)
        self.assert_free()
        tshark.wait()
        os.unlink(self.file)
        self.assertEqual(self.finish(self.running()[0], signal.SIGINT).packets, [])


if __name__ == "__main__":
    harness.main()
