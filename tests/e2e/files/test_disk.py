#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real disks that stand still or are slow while frames arrive, and what that costs in memory."""
import os
import re
import signal
import socket

import books
import harness
import net
from diskcase import SIZE, DiskCase, by_number, frame
from disks import Frozen, SlowGroup, SmallGroup, resident
from program import XDPTAP, Case


def bpf_of(pid):
    """What a process has of the kernel's BPF: descriptors and mapped rings."""
    folder, found = f"/proc/{pid}/fd", []
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(os.path.join(folder, name)))
        except FileNotFoundError:
            pass
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        found += maps
    return [name for name in found if "anon_inode:bpf" in name]


class Stalls(DiskCase):
    """fsfreeze: the file system does not answer."""

    def test_default(self):
        """30 MB come meanwhile, and nothing is lost."""
        for options in [], ["--direct-io", "on"], ["--direct-io", "off"]:
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options, "--stats-file", self.path("stats"))
                self.send(capture, 2000)
                with Frozen(self.disk):
                    self.send(capture, 30000)
                self.send(capture, 2000)
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                self.check_peak(capture)
                self.check_all([capture.file])
                os.unlink(capture.file)

    def check_peak(self, capture):
        """How close the queue was to being full, in the summary, the file and the statistics."""
        self.assertIn(b"Queue for the disk: at most ", capture.stderr())
        with open(self.path("stats"), encoding="ascii") as file:
            peak, = re.findall(r"^xdptap_queue_peak_bytes (\d+)$", file.read(), re.MULTILINE)
        self.assertGreater(int(peak), 25000 * SIZE)
        with open(capture.file, "rb") as file:
            said, = re.findall(rb"at most (\d+) of \d+ bytes waited for the disk", file.read())
        self.assertGreater(int(said), 25000 * SIZE)

    def test_queue_is_too_small(self):
        """What it cannot hold is counted, under its own cause, and packets say where it is missing."""
        capture = self.begin("-C", "1M")
        self.send(capture, 2000, burst=500)
        with Frozen(self.disk):
            before = os.path.getsize(capture.file)
            self.send(capture, 10000)
            harness.wait_until(lambda: self.count(capture)[2], "losses")
        harness.wait_until(lambda: os.path.getsize(capture.file) > before + 300 * SIZE, "the queue to be written")
        self.send(capture, 2000, burst=500)
        self.finish(capture)
        packets = self.check_some([capture.file])
        self.assertEqual(self.causes(capture), {"queue": self.sent - packets})
        self.assertGreater(packets, 2000)

    def test_rotation(self):
        """Files follow each other while the disk stands still."""
        for rule in "packets:1500", "duration:0.1":
            with self.subTest(rule):
                self.sent = 0
                capture = self.begin("-b", rule, name=rule[:4] + ".pcapng")
                self.send(capture, 2000)
                with Frozen(self.disk):
                    self.send(capture, 20000)
                self.send(capture, 2000)
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                paths = self.disk.files(rule[:4] + "*")
                self.assertNotIn(".part", "".join(paths))
                self.assertGreater(len(paths), 2)
                self.check_all(by_number(paths))

    def test_nothing_waits(self):
        """Rotation, retention, syncs and signals go on with it; whoever waited would not answer when asked."""
        for number, options in enumerate((["--sync", "100ms"], ["-b", "packets:1500", "--sync", "100ms"],
                                          ["-b", "packets:1500", "-b", "files:100"],
                                          ["-b", "duration:0.1", "--max-age", "1h"],
                                          ["-b", "filesize:1500", "--total-size", "200M", "--min-free", "1M"],
                                          ["-b", "packets:1500", "--compress", "gzip"])):
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options, name=f"run{number}.pcapng")
                self.send(capture, 2000)
                with Frozen(self.disk):
                    for other in signal.SIGUSR2, signal.SIGHUP if "-b" in options else signal.SIGUSR2:
                        self.send(capture, 6000)
                        capture.signal(other)
                        self.send(capture, 2000)
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                paths = self.disk.files(f"run{number}*")
                self.assertNotIn(".part", "".join(paths))
                if "gzip" not in options:  # books.py counts those
                    self.check_all(by_number(paths) if "-b" in options else paths)

    def test_limits_are_reached(self):
        """The frames of -c and -a are there when it ends, and no other."""
        for number, options in enumerate((["-c", "9000"], ["-a", "packets:9000"],
                                          ["-b", "packets:3000", "-a", "files:3"])):
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options, name=f"run{number}.pcapng")
                with Frozen(self.disk):
                    self.send(capture, 8000)
                    with self.pair.sender() as sender:
                        for late in range(8000, 12000):
                            sender.send(frame(late))
                self.assertEqual(capture.wait(), 0)
                self.sent = 9000
                paths = self.disk.files(f"run{number}*")
                self.check_all(by_number(paths) if "-b" in options else paths)

    def end(self, capture):
        """The capture is over, and the disk still stands still."""
        self.send(capture, 20000)
        capture.signal()
        self.assert_free()
        self.assertFalse(capture.has_ended())

    def test_end(self):
        capture = self.begin("-b", "packets:7000", name="out.pcapng")
        with Frozen(self.disk):
            self.end(capture)
        self.assertEqual(capture.wait(), 0)
        self.assertEqual(self.causes(capture), {})
        self.check_all(by_number(self.disk.files("*.pcapng")))

    def test_gives_back(self):
        """Whatever a capture changed about its interface is as before, long before the disk answers."""
        def settings():
            link = self.pair.near.link("near")
            filters = [self.pair.near.run("tc", "filter", "show", "dev", "near", way) for way in ("ingress", "egress")]
            return link["promiscuity"], link.get("xdp"), link.get("qdisc"), *filters, \
                self.pair.near.run("tc", "qdisc", "show", "dev", "near")
        before = settings()
        for number, options in enumerate((["--point", "xdp"], ["--mode", "generic"], ["--point", "tc"],
                                          ["--point", "tc", "-Q", "both"])):
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options, name=f"run{number}")
                self.assertNotEqual(settings(), before)
                self.assertTrue(bpf_of(capture.pid))
                with Frozen(self.disk):
                    self.send(capture, 2000)
                    capture.signal()
                    harness.wait_until(lambda: settings() == before, "the interface to be as it was")
                    harness.wait_until(lambda: not bpf_of(capture.pid), "the rings to be given back")
                    self.assertFalse(capture.has_ended())
                self.assertEqual(capture.wait(), 0)

    def test_given_up(self):
        """A second signal: it says at once what was not written, and the file has exactly the rest."""
        for options in ["--direct-io", "on"], ["--direct-io", "off"], ["-b", "packets:7000"], ["--compress", "gzip"]:
            with self.subTest(options):
                self.sent = 0
                name = options[1]
                capture = self.begin(*options, name=name + ".pcapng")
                self.send(capture, 4000)
                with Frozen(self.disk):
                    self.end(capture)
                    harness.wait_until(lambda: capture.signal() or b"Packets captured: " in
                                       capture.stderr().partition(b"stopped waiting")[2], "it to give up")
                    said = capture.stderr()
                    captured, (count,) = books.last_summary(said.decode())
                    self.assertIn(f"stopped waiting for the disk: {count.lost} frames were not written", said.decode())
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), f"missing: {count.lost} frames")
                self.assertEqual(count.written + count.lost, self.sent)
                paths = self.disk.files(name + "*.pcapng")  # books.py looks at those of gzip
                self.assertEqual(self.check_some(by_number(paths) if "-b" in options else paths),
                                 0 if "gzip" in options else captured)

    def test_twice_the_same_signal(self):
        """As a terminal and a parent may send it: that does not give up."""
        capture = self.begin()
        with Frozen(self.disk):
            self.end(capture)
            capture.signal()
        self.assertEqual(capture.wait(), 0)
        self.check_all([capture.file])

    def test_memory(self):
        """It grows by what waits, and is given back."""
        with open(XDPTAP, "rb") as file:
            if b"__asan_" in file.read():
                self.skipTest("this build has sanitizers, which keep what is freed")
        for options in [], ["--compress", "gzip"]:
            with self.subTest(options):
                self.sent = 0
                capture = self.begin("-C", "24M", *options)
                self.send(capture, 2000)
                before = resident(capture.pid)
                for _ in range(2):
                    with Frozen(self.disk):
                        self.send(capture, 30000)
                        if not options:  # these frames compress to almost nothing
                            self.assertGreater(resident(capture.pid), before + (14 << 20))
                        self.assertLess(resident(capture.pid), before + (24 << 20) + (8 << 20))
                    self.wait_given_back(capture, before + (12 << 20))  # six chunks of huge pages
                    self.send(capture, 4000)
                self.finish(capture)
                written = books.last_summary(capture.stderr().decode())[0] if options else self.check_some([capture.file])
                self.assertEqual(self.causes(capture), {"queue": self.sent - written})

    def wait_given_back(self, capture, limit):
        try:
            harness.wait_until(lambda: resident(capture.pid) < limit, "the memory to be given back")
        except AssertionError as error:
            written = os.path.getsize(capture.file)
            raise AssertionError(f"{error}: {resident(capture.pid)} of {limit} bytes, {written} written") from error


class Slow(DiskCase):
    def test_slow(self):
        """4 MB a second: all is written, and the service manager hears of it again and again."""
        path = self.path("notify")
        group = self.enterContext(SlowGroup(self.disk, 4 << 20))
        manager = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(path)
        manager.settimeout(harness.DEADLINE)
        capture = self.begin("--direct-io", "on", preexec_fn=group.join,
                             env={**os.environ, "NOTIFY_SOCKET": path})
        self.send(capture, 12000)
        self.assertLess(os.path.getsize(capture.file), 12000 * SIZE)
        capture.signal()
        extended = 0
        while (message := manager.recv(1000)) != b"STOPPING=1":
            extended += b"EXTEND_TIMEOUT_USEC=" in message
        self.assertEqual(capture.wait(), 0)
        self.assertGreater(extended, 1)
        self.assertEqual(self.causes(capture), {})
        self.check_all([capture.file])


class Memory(Case):
    def test_control_group(self):
        """An eighth of its limit, where ip-netns(8) does not hide it."""
        group = self.enterContext(SmallGroup(256 << 20))
        file, stats = self.path("out"), self.path("stats")
        with net.Process(["nsenter", f"--net=/run/netns/{self.pair.near.name}", XDPTAP, "-i", "near", "-w", file,
                          "--stats-file", stats], preexec_fn=group.join) as capture:
            capture.wait_for("Capturing on 'near'")
            capture.signal()
            self.assertEqual(capture.wait(), 0)
        with open(stats, encoding="ascii") as text:
            self.assertIn(f"\nxdptap_queue_size_bytes {32 << 20}\n", text.read())


if __name__ == "__main__":
    harness.main()
