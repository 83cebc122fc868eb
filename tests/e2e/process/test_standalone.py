#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The standalone front end: its options, its output, and its files."""
import os
import re
import signal
import subprocess

import harness
import net
from captures import Capture, read_pcap
from program import XDPTAP, Case, xdptap


class Queries(Case):
    def test_help(self):
        for option in ("--help", "-h"):
            status, out, err = xdptap(option)
            self.assertEqual((status, err), (0, b""))
            for word in (b"--interface", b"--write", b"--snaplen", b"--count"):
                self.assertIn(word, out)

    def test_version(self):
        status, out, err = xdptap("--version")
        self.assertEqual((status, err), (0, b""))
        self.assertRegex(out, rb"^xdptap \d+\.\d+")

    def test_no_arguments(self):
        status, out, err = xdptap()
        self.assertEqual((status, out), (2, b""))
        self.assertIn(b"usage", err.lower())

    def test_usage(self):
        for wrong in (["-w", "x"], ["-i", "near"], ["--frobnicate"], ["-i", "near", "-w", "x", "y"],
                      ["-i"], ["-s", "1", "-w", "x"],
                      ["-i", "near", "-i", "near", "-w", "x"]):
            with self.subTest(wrong):
                status, out, err = xdptap(*wrong, namespace=self.pair.near, cwd=self.folder)
                self.assertEqual((status, out), (2, b""))
                self.assert_sentence(err, "xdptap")
        self.assertFalse(os.path.exists(self.path("x")))

    def test_values_out_of_range(self):
        for option, value, words in (
                ("--snaplen", "0", ("snaplen", "0", "1", "262144")),
                ("-s", "262145", ("snaplen", "262145", "262144")),
                ("-s", "-1", ("snaplen", "-1")), ("-s", "12x", ("snaplen", "12x")),
                ("-s", "", ("snaplen",)), ("-s", "99999999999999999999", ("snaplen",)),
                ("--mode", "sideways", ("mode", "sideways", "native", "generic")),
                ("-B", "0", ("buffer-size", "0")), ("-c", "many", ("count", "many")),
                ("--log-level", "loud", ("log-level", "loud", "debug"))):
            with self.subTest(option + value):
                status, out, err = xdptap("-i", "near", "-w", self.path("x"), option, value,
                                          namespace=self.pair.near)
                self.assertEqual((status, out), (2, b""))
                self.assert_sentence(err, *words)
        self.assertFalse(os.path.exists(self.path("x")))

    def test_list(self):
        self.pair.near.load_xdp(os.environ["XDP_PASS"])
        status, out, err = xdptap("-D", namespace=self.pair.near)
        self.assertEqual((status, err), (0, b""))
        lines = [line.split() for line in out.decode().splitlines()]
        self.assertEqual({line[1] for line in lines}, {"lo", "near"})
        near, = (line for line in lines if line[1] == "near")
        program = self.pair.near.xdp()["prog"]
        self.assertEqual(near[2], "up")
        self.assertIn("veth", near[3])
        if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3):
            self.assertIn("1 queue, XDP native", " ".join(near))
        self.assertEqual(near[-3:], [str(program["id"]), program["name"], "native"])
        loopback, = (line for line in lines if line[1] == "lo")
        self.assertEqual(loopback[-1], "-")

    def test_print_config(self):
        status, out, err = xdptap("--print-config", "-i", "a", "-i", "b", "-s", "99", "-w", "f")
        self.assertEqual((status, err), (0, b""))
        values = dict(line.split("=", 1) for line in out.decode().splitlines())
        self.assertEqual(values["snaplen"], "99")
        self.assertEqual(values["mode"], "auto")
        self.assertEqual(values["write"], "f")
        self.assertIn("b", values["interface"])


class Captures(Case):
    def test_idle(self):
        capture = self.start()
        finished = capture.finish()
        self.assertEqual([block.name for block in finished.blocks], ["SHB", "IDB", "ISB"])
        self.assert_free()

    def test_summary(self):
        capture = self.start()
        self.pair.send(4)
        capture.wait_packets(4)
        capture.finish()
        text = capture.stderr().decode()
        self.assertIn("File: " + capture.file, text)
        self.assertIn("Packets captured: 4\n", text)
        self.assertRegex(text, r"Packets received/dropped on interface 'near': 4/0 .*\(100\.0%\)")
        self.assertEqual(capture.stdout(), b"")

    def test_count(self):
        for mode in ("native", "generic"):
            with self.subTest(mode):
                capture = self.start("-c", "7", "--mode", mode, file=mode)
                sent = self.pair.send(100)
                self.assertEqual(capture.wait(), 0)
                finished = Capture(capture.file)
                self.assertEqual(finished.data(), sent[:7])
                counters = finished.counters()
                self.assertEqual(counters["usrdeliv"], 7)
                self.assertEqual(counters["filteraccept"],
                                 counters["usrdeliv"] + counters["osdrop"])
                self.assert_free()

    def test_quiet(self):
        """The running count appears on a terminal only, and not with -q."""
        for options, is_counting in (((), True), (("-q",), False)):
            with self.subTest(options):
                terminal, end = os.openpty()
                self.addCleanup(os.close, terminal)
                command = ["ip", "netns", "exec", self.pair.near.name, XDPTAP, "-i", "near", "-w",
                           self.path("out"), *options]
                with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=end) as process:
                    os.close(end)
                    self.addCleanup(process.kill)
                    text = b""
                    while b"File:" not in text:
                        text += os.read(terminal, 4096)
                    self.pair.send(2)
                    while is_counting and b"Packets: 2" not in text:
                        text += os.read(terminal, 4096)
                    process.send_signal(signal.SIGINT)
                    while b"received/dropped" not in text:
                        text += os.read(terminal, 4096)
                    self.assertEqual(process.wait(harness.DEADLINE), 0)
                self.assertEqual(b"\rPackets:" in text, is_counting)
                self.assertIn(b"Packets captured: 2", text)

    def test_time_to_the_next_file(self):
        """On a terminal, the line with the count says when the next file starts, if that depends on time."""
        hour = rb"next file in (\d\d?:)?\d?\d:\d\d(?!\d)"
        for options, expected in ((("-b", "duration:100"), rb"next file in 1:(39|40)"),
                                  (("-b", "duration:60d"), rb"next file in (59d 23:59:\d\d|60d 0:00:00)"),
                                  (("-b", "interval:1h", "-b", "duration:60d"), hour),
                                  (("-b", "packets:100", "--sync", "30s"), None)):
            with self.subTest(options):
                line = self.first_count(*options)
                if expected:
                    self.assertRegex(line, expected)
                else:
                    self.assertNotIn(b"next file", line)

    def first_count(self, *options):
        """Returns the first line with a running count."""
        terminal, end = os.openpty()
        command = ["ip", "netns", "exec", self.pair.near.name, XDPTAP, "-i", "near", "-w", self.path("out"),
                   *options]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=end) as process:
            os.close(end)
            self.addCleanup(process.kill)
            text = b""
            while not re.search(rb"file: [1-9]\d* bytes", text.rpartition(b"\rPackets: ")[2]):
                text += os.read(terminal, 4096)
            process.terminate()
            try:
                while more := os.read(terminal, 4096):
                    text += more
            except OSError:  # EIO: the program has closed it
                pass
            os.close(terminal)
            self.assertEqual(process.wait(harness.DEADLINE), 0)
        return text.partition(b"\rPackets: ")[2].partition(b"\r")[0]

    def test_group_access(self):
        """Whatever the umask is, and also for an existing file."""
        for form in (), ("--format", "pcap"), ("--sync", "1h"):
            for options, mode in ((), 0o600), (("-g",), 0o640):
                for umask in 0o022, 0o077:
                    for old in None, 0o644:
                        with self.subTest(form + options, umask=umask, old=old):
                            self.assertEqual(self.mode(old, *form, *options, umask=umask), mode)

    def mode(self, old, *options, umask):
        """Returns the mode of a new file (old: None), or of an existing one that had mode `old`."""
        file = self.path("mode")
        if os.path.exists(file):
            os.unlink(file)
        if old:
            with open(file, "wb") as there:
                os.fchmod(there.fileno(), old)
        capture = self.start(*options, file="mode", umask=umask)
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        return os.stat(file).st_mode & 0o777

    def test_pcap(self):
        """tcpdump reads it, with nanoseconds."""
        capture = self.start("--format", "pcap", "-s", "90")
        sent = self.pair.send(5)
        harness.wait_until(lambda: os.path.getsize(capture.file) == 24 + 5 * (16 + 90), "packets")
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        lines = subprocess.check_output(["tcpdump", "-nn", "-tt", "--nano", "-r", capture.file],
                                        stderr=subprocess.STDOUT, text=True).splitlines()
        self.assertIn("snapshot length 90", lines[0])
        times = [line.split()[0] for line in lines if line[0].isdigit()]
        self.assertEqual(len(times), 5)
        self.assertEqual(times, sorted(times))
        self.assertTrue(any(not time.endswith("000") for time in times))
        self.assertEqual([packet.data for packet in read_pcap(capture.file)], [data[:90] for data in sent])

    def test_standard_output(self):
        """-w - and --fifo - write the same stream, to a pipe and to a file."""
        for options in (["-i", "near", "-w", "-"],
                        ["--capture", "--extcap-interface", "xdptap-near", "--fifo", "-"]):
            with self.subTest(options):
                with open(self.path("file"), "wb") as file:
                    with net.Process([XDPTAP, *options], self.pair.near, stdout=file) as process:
                        self.wait_attached()
                        self.pair.send(3)
                        harness.wait_until(lambda: os.path.getsize(self.path("file")) > 400, "data")
                        process.signal()
                        self.assertEqual(process.wait(), 0)
                self.assertEqual(len(Capture(self.path("file")).packets), 3)

                reader, writer = os.pipe()
                with net.Process([XDPTAP, *options], self.pair.near, stdout=writer) as process:
                    os.close(writer)
                    self.wait_attached()
                    self.pair.send(3)
                    process.signal()
                    with os.fdopen(reader, "rb") as file:
                        stream = file.read()
                    self.assertEqual(process.wait(), 0)
                self.assertEqual(len(Capture(stream).packets), 3)

    def test_fifo_may_be_a_file(self):
        with net.Process([XDPTAP, "--capture", "--extcap-interface", "xdptap-near", "--fifo",
                          self.path("new")], self.pair.near) as process:
            self.wait_attached()
            self.pair.send(1)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(), 0)
            self.assertEqual(process.stderr(), b"")
        self.assertEqual(len(Capture(self.path("new")).packets), 1)

    def test_an_old_file_is_replaced(self):
        with open(self.path("out.pcapng"), "wb") as file:
            file.write(bytes(100000))
        self.assertEqual(self.start().finish().packets, [])

    def test_log(self):
        log = self.path("log")
        capture = self.start("--log-file", log, "--log-level", "debug")
        self.pair.send(2)
        capture.wait_packets(2)
        capture.finish()
        with open(log, encoding="utf-8") as file:
            text = file.read()
        for word in ("--log-level", "Linux", "libbpf", "native", "near"):
            self.assertIn(word, text)
        self.assertRegex(text, r"written 2\b")

    def test_nothing_else_is_written(self):
        empty = self.path("empty")
        os.mkdir(empty)
        capture = self.start(cwd=empty, env={**os.environ, "HOME": empty, "TMPDIR": empty})
        capture.finish()
        self.assertEqual(os.listdir(empty), [])

    def test_two_interfaces(self):
        self.pair.add("near2", "far2")
        capture = self.start("-i", "near2")
        with self.pair.sender("far") as one, self.pair.sender("far2") as two:
            one.send(net.frame(100, 1))
            capture.wait_packets(1)
            two.send(net.frame(100, 2))
            capture.wait_packets(2)
        finished = capture.finish()
        self.assertEqual([i.option("if_name") for i in finished.interfaces], ["near", "near2"])
        self.assertEqual([p["interface"] for p in finished.named("EPB")], [0, 1])
        self.assertEqual([s["interface"] for s in finished.statistics], [0, 1])


if __name__ == "__main__":
    harness.main()
