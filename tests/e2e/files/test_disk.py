#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real disks that stand still, are slow, fill up, break and go away while frames arrive."""
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading

import books
import harness
import net
from captures import whole_blocks
from disks import Disk, Frozen, SlowGroup, SmallGroup, cached, resident
from program import XDPTAP, Case

SIZE = 1000
HEAD = net.frame(14)
NOISE = random.Random(15).randbytes(4096)
NUMBER = re.compile(rb"_(\d{5})_")


def frame(number):
    """As net.frame(), but a hundred thousand of them take no time."""
    at = number % 3001
    return b"%s%s%s" % (HEAD, struct.pack(">I", number), NOISE[at:at + SIZE - 18])


def packets_of(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("=II", data, at)
        if length > len(data) - at:
            break
        if kind == books.EPB:
            caplen, = struct.unpack_from("=I", data, at + 20)
            yield data[at + 28:at + 28 + caplen]
        at += length


def size_of(paths):
    """Of all; those that are renamed at this moment do not count."""
    total = 0
    for path in paths:
        try:
            total += os.path.getsize(path)
        except FileNotFoundError:
            pass
    return total


def by_number(paths):
    """Files of a set in their order, whatever became of their names."""
    return sorted(paths, key=lambda path: NUMBER.search(os.path.basename(path).encode())[1])


class Failing(Case):
    """A capture to a disk of its own that can do what disks do."""

    def setUp(self):
        super().setUp()
        self.sent = 0
        self.disk = self.make_disk()

    def make_disk(self, **kind):
        return self.enterContext(Disk(self.path("image"), self.path("disk"), **kind))

    def begin(self, *options, name="out", **process):
        return self.start("-Q", "in", *options, file=os.path.join(self.disk.folder, name), **process)

    def freeze(self):
        return self.enterContext(Frozen(self.disk))

    def count(self, capture):
        """(written, lost, lost in the queue), as the capture says when it is asked."""
        capture.signal(signal.SIGUSR1)
        found = books.INTERFACE.findall(capture.stderr().decode())
        if not found:
            return 0, 0, 0
        _, written, lost, *causes = found[-1]
        return int(written), int(lost), int(causes[books.CAUSES.index("queue")])

    def send(self, capture, count, burst=2000):
        """Never more than fits in the ring, so that the disk alone can be a reason for losses."""
        with self.pair.sender() as sender:
            for _ in range(0, count, burst):
                for number in range(self.sent, self.sent + burst):
                    sender.send(frame(number))
                self.sent += burst
                harness.wait_until(lambda: capture.has_ended() or sum(self.count(capture)[:2]) >= self.sent,
                                   f"the capture to see frame {self.sent}")
                if capture.has_ended():
                    return

    def flood(self, count):
        """Sends frames in a thread, as fast as it can."""
        def send():
            with self.pair.sender() as sender:
                for number in range(self.sent, self.sent + count):
                    sender.send(frame(number))
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def check_all(self, paths, first=0):
        """Each frame that was sent is in the files once, byte for byte and in order."""
        number = first
        for path in paths:
            for data in packets_of(path):
                self.assertEqual(data, frame(number), f"packet {number} in {path}")
                number += 1
        self.assertEqual(number, self.sent)

    def check_some(self, paths):
        """Some are missing; the number of those that are there."""
        last, packets = -1, 0
        for data in (data for path in paths for data in packets_of(path)):
            number, = struct.unpack_from(">I", data, 14)
            self.assertEqual(data, frame(number))
            self.assertGreater(number, last)
            last, packets = number, packets + 1
        return packets

    def finish(self, capture, status=0):
        capture.signal()
        self.assertEqual(capture.wait(), status, capture.text())

    def causes(self, capture):
        """{cause: frames} of the closing summary."""
        _, (count,) = books.last_summary(capture.stderr().decode())
        return {cause: n for cause, n in zip(books.CAUSES, count.causes) if n}


class Stalls(Failing):
    """fsfreeze: the file system does not answer."""

    def test_default(self):
        """30 MB come meanwhile, and nothing is lost."""
        for options in [], ["--direct-io", "on"], ["--direct-io", "off"]:
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options)
                self.send(capture, 2000)
                with Frozen(self.disk):
                    self.send(capture, 30000)
                self.send(capture, 2000)
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                self.check_all([capture.file])
                os.unlink(capture.file)

    def test_queue_is_too_small(self):
        """What it cannot hold is counted, under its own cause, and packets say where it is missing."""
        capture = self.begin("-C", "1M")
        self.send(capture, 2000)
        with Frozen(self.disk):
            self.send(capture, 10000)
        harness.wait_until(lambda: self.count(capture)[2] and os.path.getsize(capture.file) > 3000000,
                           "the queue to be written")
        self.send(capture, 2000)
        self.finish(capture)
        packets = self.check_some([capture.file])
        self.assertEqual(self.causes(capture), {"queue": self.sent - packets})
        self.assertGreater(packets, 4000)

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

    def end(self, capture):
        """The capture is over, and the disk still stands still."""
        self.send(capture, 20000)
        capture.signal()
        harness.wait_until(lambda: not self.pair.near.xdp(), "the capture to be over")
        self.assertFalse(capture.has_ended())

    def test_end(self):
        capture = self.begin("-b", "packets:7000", name="out.pcapng")
        with Frozen(self.disk):
            self.end(capture)
        self.assertEqual(capture.wait(), 0)
        self.assertEqual(self.causes(capture), {})
        self.check_all(by_number(self.disk.files("*.pcapng")))

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
        capture = self.begin("-C", "24M")
        self.send(capture, 2000)
        before = resident(capture.pid)
        for _ in range(2):
            with Frozen(self.disk):
                self.send(capture, 30000)
                self.assertGreater(resident(capture.pid), before + (14 << 20))
                self.assertLess(resident(capture.pid), before + (24 << 20) + (8 << 20))
            harness.wait_until(lambda: resident(capture.pid) < before + (8 << 20), "the memory to be given back")
            self.send(capture, 4000)
        self.finish(capture)
        self.assertEqual(self.causes(capture), {"queue": self.sent - self.check_some([capture.file])})


class Slow(Failing):
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


class Full(Failing):
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


class Broken(Failing):
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
        """Its device returns EIO: what was written is there, as long as the page cache has it."""
        disk = self.enterContext(Disk(self.disk.folder + "/image", self.path("inner"), size=128 << 20,
                                      features=("-O", "^has_journal")))
        capture = self.start("-Q", "in", "--direct-io", "off", "--sync", "100ms", file=disk.folder + "/out")
        self.send(capture, 4000)
        self.disk.shut_down()
        self.send(capture, 30000)
        harness.wait_until(lambda: not self.pair.near.xdp() or self.send(capture, 2000), "an error")
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), os.strerror(5))
        self.sent = self.check_some([capture.file])
        self.assertGreater(self.sent, 3000)
        self.check_all([capture.file])

    def test_read_only(self):
        for rule in [], ["-b", "packets:5000"]:
            with self.subTest(rule):
                self.sent = 0
                capture = self.begin("--direct-io", "on", *rule, name="out.pcapng")
                self.send(capture, 12000)
                load = self.flood(40000)
                self.disk.break_down()
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), "Read-only")
                load.join()
                paths = by_number(self.disk.files("out*")) if rule else [capture.file]
                self.sent = self.check_some(paths)
                self.assertGreater(self.sent, 5000)
                self.check_all(paths)
            self.disk.__exit__()
            self.disk = self.make_disk()

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
        """Then it is found again: the next capture keeps what is there."""
        capture = self.begin("--direct-io", "on", "--sync", "100ms", "-b", "packets:5000", name="out.pcapng")
        self.send(capture, 12000)
        load = self.flood(40000)
        self.disk.shut_down()
        self.disk.remove()
        self.assertEqual(capture.wait(), 1)
        self.assert_last_sentence(capture.stderr(), os.strerror(5))
        load.join()
        written, _ = books.last_summary(capture.stderr().decode())
        self.disk.__enter__()
        self.addCleanup(self.disk.__exit__)
        self.finish(self.begin("-b", "packets:5000", name="out.pcapng"))
        paths = by_number(self.disk.files("out*"))
        self.assertNotIn(".part", "".join(paths))
        self.sent = self.check_some(paths)
        self.check_all(paths)
        self.assertGreater(self.sent, 5000)
        self.assertLessEqual(self.sent, written)


class FullRate(Failing):
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
                name = rule[:4]
                capture = self.begin("-b", rule, "-B", "64", name=name + ".pcapng")
                self.flood(40000).join()
                self.finish(capture)
                self.assertEqual(self.causes(capture), {})
                self.sent = 40000
                paths = by_number(self.disk.files(name + "*"))
                self.assertGreater(len(paths), 2)
                self.check_all(paths)
                self.sent = 0

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
