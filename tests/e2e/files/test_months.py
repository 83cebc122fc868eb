#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Months of an unattended capture in a short time: a file per second, with signals, crashes and restarts at
random moments. XDPTAP_MONTHS sets the number of seconds (20); the benchmark "months" runs for half an hour.

Every frame sent while a tap runs is in exactly one file or is counted. A file with its final name is never
broken. The retention limits hold at every moment.
"""
import collections
import glob
import os
import random
import re
import signal
import struct
import threading
import time

import harness
import net
from captures import Capture
from program import Case

SECONDS = float(os.environ.get("XDPTAP_MONTHS", "20"))
SEED = int(os.environ.get("XDPTAP_SEED", str(time.time_ns() % 10**6)))
KEEP_FILES, KEEP_BYTES, FILE_KB = 12, 3_000_000, 700
PAUSE_NS = 1_000_000  # between two frames
SURE_NS = 2_000_000_000 * harness.SLOWNESS  # a frame sent this long before a kill is in the file


class Sender(threading.Thread):
    """Sends numbered frames and remembers when each was sent."""

    def __init__(self, pair):
        super().__init__()
        self.pair, self.is_over = pair, False
        self.times = []  # of frame n

    def run(self):
        body = bytes(random.Random(SEED).randbytes(482))
        head = net.frame(14)
        with self.pair.sender() as sender:
            while not self.is_over:
                self.times.append(time.monotonic_ns())
                sender.send(head + struct.pack(">I", len(self.times) - 1) + body)
                time.sleep(PAUSE_NS / 1e9)

    def count_before(self, moment_ns):
        count = len(self.times)
        while count and self.times[count - 1] >= moment_ns:
            count -= 1
        return count


class Watcher(threading.Thread):
    """Reads each finished file as soon as it appears, and records how full the folder gets."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.is_over, self.error = folder, False, None
        self.known, self.frames = set(), collections.Counter()
        self.lost = 0  # of runs that ended normally
        self.most_files = self.most_bytes = self.looks = 0

    def run(self):
        try:
            while not self.is_over:
                self.look()
                time.sleep(0.01)
            self.look()
        except Exception as error:  # failures of any kind, reported by the test
            self.error = error

    def look(self):
        self.looks += 1
        files, size = [], 0
        for entry in os.scandir(self.folder):
            try:
                size += entry.stat().st_size
                files.append(entry.name)
            except FileNotFoundError:
                return  # a file was renamed or deleted meanwhile: this is no snapshot
        if set(os.listdir(self.folder)) == set(files):
            self.most_files = max(self.most_files, len(files))
            self.most_bytes = max(self.most_bytes, size)
        for name in files:
            if not name.endswith(".part") and name not in self.known:
                self.known.add(name)
                self.read(name)

    def read(self, name):
        capture = Capture(os.path.join(self.folder, name))
        for data in capture.data():
            self.frames[struct.unpack_from(">I", data, 14)[0]] += 1


class Months(Case):
    def begin(self):
        return self.start(
            "-q", "-b", "duration:1", "-b", f"filesize:{FILE_KB}", "-b", f"files:{KEEP_FILES}",
            "--total-size", str(KEEP_BYTES), "-Q", "in", file="files/cap.pcapng")

    def wait_file(self, capture):
        """Waits until the new tap writes: it captures every frame sent from then on."""
        harness.wait_until(lambda: capture.has_ended() or b"File: " in capture.stderr(), "a file")
        return len(self.sender.times) + 1

    def end(self, capture, first, number):
        """Adds the range of frames that must be in the files."""
        if number == signal.SIGKILL:
            last = self.sender.count_before(time.monotonic_ns() - SURE_NS)
        else:
            last = len(self.sender.times) - 1
        capture.signal(number)
        status = capture.wait()
        if number != signal.SIGKILL:
            self.assertEqual(status, 0, capture.text())
            dropped = sum(map(int, re.findall(r"received/dropped on interface '.*': \d+/(\d+)", capture.text())))
            self.watcher.lost += dropped
        self.sure += range(first, max(first, last))
        capture.__exit__()

    def test_all(self):
        dice = random.Random(SEED)
        os.mkdir(self.path("files"))
        self.sure = []
        self.sender, self.watcher = Sender(self.pair), Watcher(self.path("files"))
        self.sender.start()
        self.watcher.start()
        restarts = 0
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and not self.watcher.error:
                capture = self.begin()
                first = self.wait_file(capture)
                stop = min(end, time.monotonic() + dice.uniform(0.5, 8))
                while time.monotonic() < stop and not self.watcher.error:
                    time.sleep(dice.uniform(0.05, 1.2))
                    capture.signal(dice.choice((signal.SIGHUP, signal.SIGUSR1)))
                self.end(capture, first, dice.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
                restarts += 1
            capture = self.begin()  # recovers what the previous run left
            first = self.wait_file(capture)
            harness.wait_until(lambda: len(glob.glob(self.path("files/*.part"))) == 1, "recovery")
            self.end(capture, first, signal.SIGINT)
        finally:
            self.sender.is_over = self.watcher.is_over = True
            self.sender.join()
            self.watcher.join()
        self.judge(restarts)

    def judge(self, restarts):
        seen = self.watcher.frames
        print(f"# seed {SEED}: {len(self.sender.times)} frames, {len(self.sure)} of them while a tap ran, "
              f"{restarts} restarts, {len(self.watcher.known)} files, {self.watcher.looks} looks, at most "
              f"{self.watcher.most_files} files and {self.watcher.most_bytes} bytes", flush=True)
        if self.watcher.error:
            raise self.watcher.error
        self.assertEqual([n for n, count in seen.items() if count > 1], [], "in two files")
        missing = [n for n in self.sure if n not in seen]
        self.assertLessEqual(len(missing), self.watcher.lost, missing[:20])
        self.assertGreater(len(self.sure), len(self.sender.times) // 4)
        self.assertLessEqual(self.watcher.most_files, KEEP_FILES)
        self.assertLessEqual(self.watcher.most_bytes, KEEP_BYTES)
        self.assert_free()


if __name__ == "__main__":
    harness.main()
