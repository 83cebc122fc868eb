#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real disks that fill up, break and go away while frames arrive, and a capture that is killed."""
import os
import random
import re
import signal
import struct
import subprocess

import books
import harness
from captures import whole_blocks
from diskcase import SIZE, DiskCase, by_number, packets_of, size_of
from disks import Disk, cached

SYNCED = re.compile(r"after packet (\d+), the last that was synced")


class Full(DiskCase):
    """With direct I/O, as a small tmpfs has none."""

    def make_disk(self, **kind):
        return super().make_disk(size=24 << 20, **kind)

    def rest(self):
        fs = os.statvfs(self.disk.folder)
        return fs.f_bavail * fs.f_bsize

    def test_stop(self):
        for rule in [], ["-b", "filesize:3000"]:
            with self.subTest(rule):
                self.sent = 0
                capture = self.begin("--direct-io", "on", *rule, name="out.pcapng")
                self.send(capture, 40000)
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), "disk is full")
                self.assertLess(self.rest(), 3 << 20)
                paths = by_number(self.disk.files("out*")) if rule else [capture.file]
                self.sent = self.check_some(paths)
                self.check_all(paths)
                for path in paths:
                    os.unlink(path)

    def test_prune(self):
        capture = self.begin("--direct-io", "on", "-b", "filesize:2000", "--disk-full", "prune", name="out.pcapng")
        self.send(capture, 40000)
        self.finish(capture)
        self.assertEqual(self.causes(capture), {})
        paths = by_number(self.disk.files("out*"))
        first, = struct.unpack_from(">I", next(packets_of(paths[0])), 14)
        self.assertGreater(first, 0)
        self.check_all(paths, first)

    def test_drop(self):
        """Room comes back: so do the frames."""
        with open(self.disk.folder + "/ballast", "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, self.rest() - (2 << 20))
        capture = self.begin("--direct-io", "on", "--disk-full", "drop", "-C", "2M")
        self.send(capture, 10000)
        os.unlink(self.disk.folder + "/ballast")
        harness.wait_until(lambda: os.path.getsize(capture.file) > 3 << 20, "the queue to be written")
        self.send(capture, 2000)
        self.finish(capture)
        packets = self.check_some([capture.file])
        self.assertEqual(sum(self.causes(capture).values()), self.sent - packets)
        self.assertGreater(packets, 4000)

    def test_size_limit(self):
        """RLIMIT_FSIZE."""
        capture = self.begin("--direct-io", "on")
        self.send(capture, 2000)
        subprocess.run(["prlimit", "--fsize=3000001", "--pid", str(capture.pid)], check=True)
        self.send(capture, 10000)
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), "File too large")
        self.sent = self.check_some([capture.file])
        self.check_all([capture.file])
        self.assertGreater(os.path.getsize(capture.file), 2990000)


class Broken(DiskCase):
    def test_thin(self):
        """It has less room than it says; what was written before is there."""
        thin = self.small_disk("6m", "thin")
        disk = self.enterContext(Disk(thin + "/image", self.path("promise"), features=("-O", "^has_journal")))
        capture = self.start("-Q", "in", "--direct-io", "on", file=disk.folder + "/out")
        self.send(capture, 30000)
        self.assertEqual(capture.wait(), 1)
        self.assertRegex(capture.stderr().splitlines()[-1], b"disk is full|Input/output error")  # as the kernel is
        self.sent = self.check_some([capture.file])
        self.assertGreater(self.sent, 1000)
        self.check_all([capture.file])

    def test_sync_fails(self):
        """Its device returns EIO, which only a sync tells of what went through the page cache."""
        disk = self.enterContext(Disk(self.disk.folder + "/image", self.path("inner"), size=128 << 20,
                                      features=("-O", "^has_journal")))
        capture = self.start("-Q", "in", "--direct-io", "off", "--sync", "100ms", file=disk.folder + "/out")
        self.send(capture, 4000)
        self.disk.shut_down()
        harness.wait_until(lambda: self.send(capture, 2000) or capture.has_ended(), "an error")
        disk.remove()  # nobody knows what can still be read
        self.assertEqual(capture.wait(), 1)
        self.assertRegex(capture.stderr().splitlines()[-1], b"Input/output error|Read-only")  # as the kernel likes
        _, (count,) = books.last_summary(capture.stderr().decode())
        self.assertEqual(count.written + count.lost, count.accepted)
        self.assertLessEqual(self.synced(capture), count.written)

    def synced(self, capture):
        """The packets that the last sentence says are on the disk for certain; 0: it says that none is."""
        text = capture.stderr().splitlines()[-1].decode()
        self.assertNotIn("complete", text)
        found = SYNCED.search(text)
        if not found:
            self.assertIn("may not have all of what was written", text)
        return int(found[1]) if found else 0

    def test_read_only(self):
        """If the end cannot be truncated, it says so, and the next capture does."""
        for rule in [], ["-b", "packets:5000", "--sync", "100ms"]:
            with self.subTest(rule):
                self.sent = 0
                capture = self.begin("--direct-io", "on", *rule, name="out.pcapng")
                self.send(capture, 12000)
                harness.wait_until(lambda: size_of(self.disk.files("out*")) > 6000 * SIZE, "some to be written")
                harness.wait_until(lambda: not rule or self.disk.files("*.pcapng"), "a file to be synced")
                load = self.flood(40000)
                self.disk.break_down()
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), "Read-only")
                synced = self.synced(capture)
                self.assertGreaterEqual(synced, 5000 if rule else 0)
                load.join()
                paths = by_number(self.disk.files("out*")) if rule else [capture.file]
                self.sent = self.check_some(paths)
                self.assertGreater(self.sent, 5000)
                self.check_all(paths)
                self.assertEqual(books.last_summary(capture.stderr().decode())[0], self.sent)
                torn = [path for path in paths if not self.is_whole(path)]
                self.assertEqual(bool(torn), b"ends within a block" in capture.stderr())
                self.assertIn(torn, [[], [paths[-1]]])
                self.disk.__exit__()
                self.disk.__enter__()
                if rule:
                    self.check_recovered(synced, self.sent)
            self.disk.__exit__()
            self.disk = self.make_disk()

    def check_recovered(self, least, most):
        """What was not synced may be lost; of the rest, nothing."""
        self.finish(self.begin("-b", "packets:5000", name="out.pcapng"))
        paths = by_number(self.disk.files("out*"))
        self.assertNotIn(".part", "".join(paths))
        self.assertTrue(all(map(self.is_whole, paths)))
        self.sent = self.check_some(paths)
        self.check_all(paths)
        self.assertTrue(least <= self.sent <= most, f"{least} <= {self.sent} <= {most}")

    def is_whole(self, path):
        with open(path, "rb") as file:
            return not whole_blocks(file.read())[1]

    def test_unmounted(self):
        """A lazy umount takes only the name away."""
        inside = os.open(self.disk.folder, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, inside)
        capture = self.begin("-b", "packets:3000", name="out.pcapng")
        self.send(capture, 4000)
        self.disk.remove()
        self.send(capture, 10000)
        self.finish(capture)
        self.assertEqual(self.causes(capture), {})
        folder = f"/proc/self/fd/{inside}/"
        self.check_all(by_number(folder + name for name in os.listdir(folder) if name.startswith("out")))

    def test_disappears(self):
        """Then it is found again: the next capture keeps what is there, which is all that was synced."""
        capture = self.begin("--direct-io", "on", "--sync", "100ms", "-b", "packets:5000", name="out.pcapng")
        self.send(capture, 12000)
        harness.wait_until(lambda: self.disk.files("*.pcapng"), "a file to be synced and finished")
        load = self.flood(40000)
        self.disk.shut_down()
        self.disk.remove()
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), os.strerror(5))
        load.join()
        written, _ = books.last_summary(capture.stderr().decode())
        synced = self.synced(capture)
        self.assertGreaterEqual(synced, 5000)
        self.disk.__enter__()
        self.addCleanup(self.disk.__exit__)
        self.finish(self.begin("-b", "packets:5000", name="out.pcapng"))
        paths = by_number(self.disk.files("out*"))
        self.assertNotIn(".part", "".join(paths))
        self.sent = self.check_some(paths)
        self.check_all(paths)
        self.assertGreaterEqual(self.sent, synced)
        self.assertLessEqual(self.sent, written)


class FullRate(DiskCase):
    def test_killed(self):
        """At any moment: what was in the files is there after the next start, without a hole."""
        options = ["--direct-io", "on", "--sync", "100ms", "-b", "packets:4000", "-B", "64"]
        chance = random.Random()
        for number in range(6):
            name = f"run{number}.pcapng"
            moment = chance.randrange(2000, 20000)
            with self.subTest(moment=moment):
                self.sent = 0
                capture = self.begin(*options, name=name)
                load = self.flood(25000)
                pattern = f"run{number}_*"
                harness.wait_until(lambda: size_of(self.disk.files(pattern)) > moment * SIZE or
                                   not load.is_alive(), "this moment")
                before = self.count_blocks(pattern)
                capture.signal(signal.SIGKILL)
                capture.wait()
                load.join()
                self.finish(self.begin(*options, name=name))
                paths = by_number(self.disk.files(pattern))
                self.assertNotIn(".part", "".join(paths))
                self.sent = self.check_some(paths)
                self.check_all(paths)
                self.assertGreaterEqual(self.sent, before)

    def count_blocks(self, pattern):
        total = 0
        for path in self.disk.files(pattern):
            try:
                with open(path, "rb") as file:
                    total += whole_blocks(file.read())[0].count(books.EPB)
            except FileNotFoundError:  # renamed meanwhile
                pass
        return total

    def test_rotation(self):
        """Ten files a second, and a new one every few hundred frames: each frame is in one file."""
        for rule in "duration:0.1", "packets:300":
            with self.subTest(rule):
                self.sent, name = 0, rule[:4]
                capture = self.begin("-b", rule, "-B", "64", name=name + ".pcapng")
                while len(self.disk.files(name + "*")) < 8 and self.sent < 200000:
                    self.flood(20000).join()
                    self.sent += 20000
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                paths = by_number(self.disk.files(name + "*"))
                self.assertGreater(len(paths), 2)
                self.check_all(paths)

    def test_page_cache(self):
        """What is written past the cache is not in it."""
        found = {}
        for when in "auto", "off":
            capture = self.begin("--direct-io", when, "-B", "64", name=when)
            self.flood(40000).join()
            capture.signal()
            harness.wait_until(capture.has_ended, "the end")
            found[when] = cached(capture.file)  # before anybody reads it
            self.assertEqual(capture.wait(), 0)
        self.assertLess(found["auto"], 10 << 20)
        self.assertGreater(found["off"], 36 << 20)


if __name__ == "__main__":
    harness.main()
