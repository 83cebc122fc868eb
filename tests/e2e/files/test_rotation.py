#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""File rotation: names, contents and retention of files."""
import glob
import os
import re
import signal
import stat
import struct
import subprocess
import threading

import harness
import net
from captures import Capture, count_packets
from program import Case, xdptap

NAME = re.compile(r"cap_\d{5}_\d{14}\.pcapng(\.gz)?")


class Files(Case):
    def begin(self, *options, **process):
        return self.start(*options, file="cap.pcapng", **process)

    def begin_in(self, folder, *options):
        """Starts a capture in another folder and waits for its first file."""
        capture = self.start(*options, file=os.path.join(folder, "cap.pcapng"))
        capture.wait_for("File: ")
        return capture

    def files(self, suffix=".pcapng"):
        return sorted(path for path in glob.glob(self.path("cap_*" + suffix))
                      if "recovered" not in path)

    def packets(self):
        return sum(len(Capture(path).packets) for path in self.files())

    def ended(self, capture, number=signal.SIGINT):
        """Stops the capture and returns its files: each is complete, with correct counters."""
        capture.signal(number)
        self.assertEqual(capture.wait(), 0, capture.text())
        return self.whole()

    def whole(self):
        self.assertEqual(glob.glob(self.path("*.part")), [])
        captures = [Capture(path) for path in self.files()]
        written = 0
        for path, capture in zip(self.files(), captures):
            self.assertRegex(os.path.basename(path), NAME)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            written += len(capture.packets)
            counters = capture.counters()
            self.assertEqual(counters["usrdeliv"], written)
            self.assertEqual(counters["filteraccept"], counters["usrdeliv"] + counters["osdrop"])
            self.assertGreaterEqual(counters["ifrecv"], counters["filteraccept"])
        return captures


class Rotation(Files):
    def test_packets(self):
        capture = self.begin("-b", "packets:10")
        sent = self.pair.send(35)
        harness.wait_until(lambda: len(self.files()) == 3, "three files")
        captures = self.ended(capture)
        self.assertEqual([len(c.packets) for c in captures], [10, 10, 10, 5])
        self.assertEqual([data for c in captures for data in c.data()], sent)
        text = capture.stderr().decode()
        self.assertEqual(re.findall(r"^File: (.*)$", text, re.M), self.files())

    def test_size(self):
        capture = self.begin("-b", "filesize:4")
        sent = self.pair.send(50, size=1000)
        harness.wait_until(lambda: self.packets() > 40, "files")
        captures = self.ended(capture)
        self.assertEqual([data for c in captures for data in c.data()], sent)
        self.assertTrue(all(os.path.getsize(path) <= 4000 for path in self.files()))

    def test_duration(self):
        """Also without traffic."""
        capture = self.begin("-b", "duration:0.2")
        harness.wait_until(lambda: len(self.files()) >= 3, "three files")
        self.assertTrue(all(c.packets == [] for c in self.ended(capture)))

    def test_files(self):
        """The oldest files are deleted, including those of an earlier run; the limit is never exceeded."""
        first = self.begin("-b", "packets:5", "-b", "files:3")
        self.pair.send(9)
        harness.wait_until(self.files, "a file")
        self.ended(first)
        earlier = self.files()
        second = self.begin("-b", "packets:5", "-b", "files:3")
        most = 0
        for _ in range(40):
            self.pair.send(5)
            most = max(most, len(self.files()))  # the next one is opened, empty, before this one gets its name
        harness.wait_until(lambda: not set(earlier) & set(self.files()), "the old to go")
        second.signal()
        self.assertEqual(second.wait(), 0)
        self.assertLessEqual(most, 3)
        self.assertEqual(len(self.files()), 3)

    def test_stop_after_files(self):
        capture = self.begin("-b", "packets:5", "-a", "files:2")
        sent = self.pair.send(30)
        self.assertEqual(capture.wait(), 0)
        self.assertEqual([data for c in self.whole() for data in c.data()], sent[:10])
        self.assert_free()

    def test_stop(self):
        for rule, sends in (("duration:0.3", 3), ("packets:3", 10), ("filesize:3", 100)):
            with self.subTest(rule):
                capture = self.start("-a", rule, file=rule)
                self.pair.send(sends)
                self.assertEqual(capture.wait(), 0)
                finished = Capture(capture.file)
                counters = finished.counters()
                self.assertEqual(counters["usrdeliv"], len(finished.packets))
                if rule.startswith("packets"):
                    self.assertEqual(len(finished.packets), 3)
                self.assert_free()

    def test_hangup(self):
        """SIGHUP starts a new file at once; without -b it ends the capture."""
        capture = self.begin("-b", "duration:1h")
        for number in range(3):
            self.pair.send(2)
            harness.wait_until(lambda: self.in_part() == 2, "packets")
            capture.signal(signal.SIGHUP)
            harness.wait_until(lambda: len(self.files()) == number + 1, "a new file")
        captures = self.ended(capture)
        self.assertEqual([len(c.packets) for c in captures], [2, 2, 2, 0])

    def test_counters_asked_for(self):
        capture = self.begin("-b", "duration:1h")
        self.pair.send(3)
        harness.wait_until(lambda: self.in_part() == 3, "packets")
        capture.signal(signal.SIGUSR1)
        capture.wait_for("near': 3/0")
        self.ended(capture)

    def test_killed(self):
        """After a crash, the next start keeps what was written and counts it towards the limits."""
        capture = self.begin("-b", "packets:100")
        sent = self.pair.send(7)
        harness.wait_until(lambda: self.in_part() == 7, "packets")
        capture.signal(signal.SIGKILL)
        capture.wait()
        capture = self.begin("-b", "packets:100")
        harness.wait_until(self.recovered, "the recovered file")
        self.ended(capture)
        recovered, = self.recovered()
        self.assertEqual(Capture(recovered).data(), sent)

    def recovered(self):
        return glob.glob(self.path("*recovered*"))

    def leave_huge_part(self):
        """Leaves the .part of a killed capture with 40 GB of blocks, mostly holes, of 1 MB each: (path, size)."""
        capture = self.begin("-b", "duration:1h")
        harness.wait_until(self.in_part_bytes, "the header")
        capture.signal(signal.SIGKILL)
        capture.wait()
        path, = glob.glob(self.path("*.part"))
        with open(path, "r+b", buffering=0) as part:
            at = part.seek(0, os.SEEK_END)
            edge = struct.pack("=III", 1 << 20, 0x0BAD, 1 << 20)
            os.pwrite(part.fileno(), edge[4:], at)
            for _ in range(40000):
                at += 1 << 20
                os.pwrite(part.fileno(), edge, at - 4)
        return path, os.path.getsize(path)

    def in_part_bytes(self):
        return [path for path in glob.glob(self.path("*.part")) if os.path.getsize(path)]

    def test_recovery_is_beside(self):
        """A slow recovery delays neither the start, frames nor signals, and is reported if it is cut short."""
        part, size = self.leave_huge_part()
        for number in (signal.SIGINT, signal.SIGTERM):
            capture = self.begin("-b", "packets:10")
            sent = self.pair.send(25)
            harness.wait_until(lambda: self.in_parts(part) == 5, "packets")
            capture.signal(number)
            self.assertEqual(capture.wait(), 0, capture.text())
            self.assertEqual([data for path in self.files() for data in Capture(path).data()], sent)
            told, = (line for line in capture.stderr().splitlines(keepends=True) if b"recovered" in line)
            self.assert_sentence(told, os.path.basename(part), "the capture ended first")
            self.assertEqual(os.path.getsize(part), size)
            self.assertEqual(self.recovered(), [])
            for path in self.files():
                os.unlink(path)
        capture = self.begin("-b", "packets:10")
        capture.signal()  # at once
        self.assertEqual(capture.wait(), 0, capture.text())
        self.assertEqual(os.path.getsize(part), size)
        os.truncate(part, size // 20)
        capture = self.begin("-b", "packets:10")
        harness.wait_until(self.recovered, "the recovered file")
        self.ended(capture)

    def in_parts(self, besides):
        """Packets in the .part file of this run."""
        return sum(count_packets(path) for path in glob.glob(self.path("*.part")) if path != besides)

    def test_compressed(self):
        capture = self.begin("-b", "packets:10", "--compress", "gzip")
        self.pair.send(25)
        harness.wait_until(lambda: len(self.files(".gz")) == 2, "files")
        capture.signal()
        self.assertEqual(capture.wait(), 0)
        counts = [len(subprocess.check_output(["tshark", "-r", path], stderr=subprocess.DEVNULL)
                      .splitlines()) for path in self.files(".pcapng.gz")]
        self.assertEqual(counts, [10, 10, 5])

    def test_names(self):
        for options, pattern in ((["-b", "nametimenum:2"], r"cap_\d{14}_0000[12]\.pcapng"),
                                 (["--file-name", "near-%{seq}.ntar"], r"near-0000[12]\.ntar")):
            with self.subTest(options):
                folder = self.path(options[-1])
                os.mkdir(folder)
                process = self.begin_in(folder, "-b", "packets:1", "-b",
                                        "printname:" + self.path("names"), "-g", *options)
                self.pair.send(2)
                harness.wait_until(lambda: len(os.listdir(folder)) > 1, "a file")
                process.signal()
                self.assertEqual(process.wait(), 0)
                names = sorted(os.listdir(folder))
                self.assertEqual(len(names), 2)
                for name in names:
                    self.assertRegex(name, "^" + pattern + "$")
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o777, 0o640)
                with open(self.path("names"), encoding="ascii") as lines:
                    self.assertEqual([line.strip() for line in lines],
                                     [os.path.join(folder, name) for name in names])

    def test_command(self):
        """The command runs once on each complete file, including the last; a failure is reported."""
        command = self.path("command")
        with open(command, "w", encoding="ascii") as script:
            script.write("#!/bin/sh\ncase $2 in *_00002_*) exit 3;; esac\n"
                         f"capinfos -Mc \"$2\" >> {self.path('told')}; echo $1 >> {self.path('told')}\n")
        os.chmod(command, 0o755)
        capture = self.begin("-b", "packets:2", "--post-rotate", command + " 'a word'")
        self.pair.send(11)
        harness.wait_until(lambda: len(self.files()) == 5, "files")
        self.ended(capture)
        with open(self.path("told"), encoding="ascii") as told:
            lines = told.read()
        self.assertEqual(lines.count("a word\n"), 5)
        self.assertEqual(sorted(re.findall(r"packets:\s+(\d+)", lines)), ["1", "2", "2", "2", "2"])
        self.assertRegex(capture.stderr(), b"_00002_.*3")

    def test_stats_file(self):
        path = self.path("near.prom")
        capture = self.begin("-b", "packets:2", "--stats-file", path)
        self.pair.send(5)
        harness.wait_until(lambda: len(self.files()) == 2, "files")
        harness.wait_until(lambda: os.path.exists(path), "counters")
        with open(path, encoding="ascii") as text:
            self.assertIn("\nxdptap_up 1\n", text.read())
        self.ended(capture)
        with open(path, encoding="ascii") as text:
            lines = text.read()
        self.assertIn("\nxdptap_up 0\n", lines)
        self.assertIn('\nxdptap_frames_written_total{interface="near"} 5\n', lines)
        self.assertIn("\nxdptap_files_finished_total 3\n", lines)
        self.assertEqual(os.listdir(self.folder).count("near.prom"), 1)

    def test_service_manager(self):
        with net.Process(["true"], self.pair.near):
            pass
        path = self.path("notify")
        with net.socket.socket(net.socket.AF_UNIX, net.socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(harness.DEADLINE)
            capture = self.begin("-b", "duration:1h", env={**os.environ, "NOTIFY_SOCKET": path,
                                                            "WATCHDOG_USEC": "5000000"})
            self.assertEqual(manager.recv(1000), b"READY=1")
            self.assertRegex(manager.recv(1000), rb"^STATUS=Packets: 0.*\nWATCHDOG=1$")
            self.ended(capture)
            while manager.recv(1000) != b"STOPPING=1":
                pass

    def test_usage(self):
        for wrong, words in ((["-b", "files:3"], ["-b", "filesize"]),
                             (["-b", "size:3"], ["ring-buffer", "size:3", "filesize"]),
                             (["-b", "filesize"], ["ring-buffer", "filesize"]),
                             (["-b", "filesize:0"], ["filesize", "0"]),
                             (["-b", "filesize:-1"], ["filesize", "-1"]),
                             (["-b", "filesize:1e3"], ["filesize", "1e3"]),
                             (["-b", "duration:1y"], ["duration", "1y"]),
                             (["-b", "nametimenum:3"], ["nametimenum", "3"]),
                             (["-a", "interval:3"], ["autostop", "interval"]),
                             (["-b", "packets:3", "-w", "-"], ["standard output"]),
                             (["-b", "packets:3", "--format", "pcap"], ["pcap"]),
                             (["--total-size", "3G"], ["-b"]),
                             (["-b", "packets:3", "--min-free", "100%"], ["min-free", "100%"]),
                             (["-b", "packets:3", "--max-age", "x"], ["max-age", "x"]),
                             (["-b", "packets:3", "--file-name", "x"], ["file-name", "%{seq}"]),
                             (["-b", "packets:3", "--post-rotate", "'x"], ["post-rotate"])):
            with self.subTest(wrong):
                status, out, err = xdptap("-i", "near", "-w", "x", *wrong, namespace=self.pair.near,
                                          cwd=self.folder)
                self.assertEqual((status, out), (2, b""))
                self.assert_sentence(err, *words)
        self.assertEqual(os.listdir(self.folder), [])


class Trouble(Files):
    """Rotation under load, and trouble with disks and folders."""

    def flood(self, frames):
        def send():
            with self.pair.sender() as sender:
                for number in range(frames):
                    sender.send(net.frame(1000, number))
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def test_under_load(self):
        """Rotation by size, time and signals at once: every frame is in exactly one file."""
        capture = self.begin("-b", "filesize:300", "-b", "duration:0.3", "-B", "16")
        load = self.flood(20000)
        while load.is_alive():
            capture.signal(signal.SIGHUP)
            load.join(0.1)
        captures = self.ended(capture)
        numbers = [data for c in captures for data in c.data()]
        self.assertEqual(numbers, [net.frame(1000, number) for number in range(20000)])
        self.assertGreater(len(captures), 60)

    def test_full_disk_stops(self):
        folder = self.small_disk("400k")
        process = self.begin_in(folder, "-b", "filesize:100")
        self.pair.send(1000, size=1000)
        self.assertEqual(process.wait(), 1)
        text = process.stderr().decode()
        self.assert_last_sentence(text.encode(), "disk is full")
        paths = sorted(glob.glob(folder + "/*"))
        packets = [data for path in paths for data in Capture(path).data()]
        self.assertEqual(packets, [net.frame(1000, n) for n in range(len(packets))])
        self.assertIn(f"Packets captured: {len(packets)}\n", text)
        self.assertEqual(glob.glob(folder + "/*.part"), [])

    def test_full_disk_prunes(self):
        folder = self.small_disk("1000k")
        process = self.begin_in(folder, "-b", "filesize:100", "--disk-full", "prune")
        self.pair.send(3000, size=1000)
        harness.wait_until(lambda: glob.glob(folder + "/cap_0003?_*.pcapng"), "file 30")
        process.signal()
        self.assertEqual(process.wait(), 0)
        self.assertIn("Packets captured: 3000\n", process.stderr().decode())
        paths = sorted(glob.glob(folder + "/*"))
        packets = [data for path in paths for data in Capture(path).data()]
        self.assertEqual(packets[-1], net.frame(1000, 2999))

    def test_full_disk_drops(self):
        """Frames are counted as lost while the disk is full, and written again when there is space."""
        folder = self.small_disk("4000k")
        with open(folder + "/ballast", "wb") as ballast:
            ballast.write(bytes(3900000))
        process = self.begin_in(folder, "-b", "duration:1h", "--disk-full", "drop", "-C", "1M")
        self.pair.send(6000, size=1000)
        os.unlink(folder + "/ballast")
        self.pair.send(10, size=1000)
        process.signal()
        self.assertEqual(process.wait(), 0)
        text = process.stderr().decode()
        capture = Capture(glob.glob(folder + "/*.pcapng")[0])
        counters = capture.counters()
        self.assertEqual(counters["filteraccept"], 6010)
        self.assertEqual(counters["usrdeliv"], len(capture.packets))
        self.assertGreater(counters["osdrop"], 0)
        self.assertIn(f"Packets captured: {len(capture.packets)}\n", text)

    def test_full_disk_at_the_end(self):
        """What waits for room when the capture ends is counted, and does not keep it from ending."""
        folder = self.small_disk("1000k")
        process = self.begin_in(folder, "-b", "duration:1h", "--disk-full", "drop")
        self.pair.send(3000, size=1000)
        process.signal()
        self.assertEqual(process.wait(), 0)
        capture = Capture(glob.glob(folder + "/*.pcapng")[0])
        self.assertGreater(len(capture.packets), 500)
        self.assertIn(f"'near': {len(capture.packets)}/{3000 - len(capture.packets)} ",
                      process.stderr().decode())

    def test_folder_goes(self):
        folder = self.path("folder")
        os.mkdir(folder)
        process = self.begin_in(folder, "-b", "packets:5")
        for path in glob.glob(folder + "/*"):
            os.unlink(path)
        os.rmdir(folder)
        self.pair.send(20)
        self.assertEqual(process.wait(), 1)
        self.assert_last_sentence(process.stderr(), "cap_")

    def real_disk(self):
        """(folder, device name) of a file system that can fail on demand."""
        image, folder = self.path("image"), self.path("disk")
        os.mkdir(folder)
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        for command in (["mkfs.ext4", "-q", image],
                        ["mount", "-o", "loop,errors=remount-ro", image, folder]):
            if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
                self.skipTest("this machine has no ext4 or no loop devices")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        with open("/proc/mounts", encoding="utf-8") as file:
            device, = (line.split()[0] for line in file if line.split()[1] == folder)
        return folder, os.path.basename(device)

    def test_disk_becomes_read_only(self):
        """Shuts the file system down, as the kernel does after an error."""
        folder, device = self.real_disk()
        process = self.begin_in(folder, "-Q", "in", "-b", "packets:5")
        sent = self.pair.send(7)
        harness.wait_until(lambda: glob.glob(folder + "/*.pcapng"), "a file")
        with open(f"/sys/fs/ext4/{device}/trigger_fs_error", "w", encoding="ascii") as file:
            file.write("a test of xdptap")
        self.pair.send(7)
        self.assertEqual(process.wait(), 1)
        self.assert_last_sentence(process.stderr(), "Read-only", "cap_")
        finished, = glob.glob(folder + "/*.pcapng")
        self.assertEqual(Capture(finished).data(), sent[:5])

    def test_many_files(self):
        """Other files in the folder stay untouched and do not slow the capture down."""
        folder = self.path("many")
        os.mkdir(folder)
        for number in range(100000):
            os.close(os.open(f"{folder}/cap_{number:05}_20200101000000.pcapng",
                             os.O_CREAT | os.O_WRONLY))
        process = self.begin_in(folder, "-b", "packets:5", "-b", "files:2")
        self.pair.send(50)
        harness.wait_until(lambda: sum("_2020" not in name for name in os.listdir(folder)) == 2, "files")
        process.signal()
        self.assertEqual(process.wait(), 0)
        self.assertEqual(len(glob.glob(folder + "/*_2020*")), 100000)


if __name__ == "__main__":
    harness.main()
