#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system in user space that stands still, is slow, fails and crashes while frames arrive."""
import errno
import os

import books
import harness
from captures import whole_blocks
from diskcase import DiskCase
from fuse import Fuse

KINDS = [], ["--direct-io", "on"], ["-b", "packets:3000"], ["-b", "packets:3000", "--sync", "100ms"]


class Misbehaves(DiskCase):
    def make_disk(self, **_):
        return self.enterContext(Fuse(self.path("disk")))

    def each(self, check):
        """Calls it with a capture of each kind that has begun to write."""
        for options in KINDS:
            with self.subTest(options):
                self.sent = 0
                self.capture = self.begin(*options, name="run.pcapng")
                self.send(self.capture, 4000)
                check(self.capture)
                for path in self.disk.files():
                    os.unlink(path)

    def paths(self):
        """Of the files, copied: nothing depends on the file system any more."""
        copies = []
        for path in self.disk.files():
            copies.append(self.path(os.path.basename(path)))
            with open(copies[-1], "wb") as file:
                file.write(self.disk.content(path))
        return sorted(copies)

    def test_stands_still(self):
        def check(capture):
            self.disk.stall()
            self.send(capture, 10000)
            self.disk.release()
            self.send(capture, 2000)
            self.finish(capture)
            self.assertEqual(self.causes(capture), {})
            self.check_all(self.paths())
        self.each(check)

    def test_slow(self):
        def check(capture):
            self.send(capture, 4000)
            self.finish(capture)
            self.assertEqual(self.causes(capture), {})
            self.check_all(self.paths())
        self.disk.bytes_per_second = 8 << 20
        self.each(check)

    def test_fails(self):
        for error, words in (errno.EIO, os.strerror(errno.EIO)), (errno.EDQUOT, "disk is full"):
            def check(capture):
                self.disk.error = error
                harness.wait_until(lambda: self.send(capture, 2000) or capture.has_ended(), "an error")
                self.disk.error = 0
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), words)
                self.check_rest()
            self.each(check)

    def check_rest(self):
        """What the summary says is there; all of it ends with a complete block."""
        paths = self.paths()
        for path in paths:
            with open(path, "rb") as file:
                self.assertEqual(whole_blocks(file.read())[1], 0, path)
        self.sent = self.check_some(paths)
        self.check_all(paths)
        self.assertEqual(books.last_summary(self.capture.stderr().decode())[0], self.sent)

    def test_crashes(self):
        """Nothing can be read any more; what it had received is in order."""
        capture = self.begin("-b", "packets:3000", name="run.pcapng")
        self.send(capture, 10000)
        harness.wait_until(lambda: len(self.disk.files()) > 2, "some files")
        load = self.flood(20000)
        self.disk.crash()
        self.disk.__exit__()
        os.rmdir(self.disk.folder)
        self.assertEqual(capture.wait(), 1)
        load.join()
        self.assert_last_sentence(capture.stderr(), "cannot write the capture")
        self.sent = self.check_some(self.paths())
        self.assertGreater(self.sent, 3000)


if __name__ == "__main__":
    harness.main()
