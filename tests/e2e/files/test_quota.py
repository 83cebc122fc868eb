#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A user's quota, on a disk that has room. Root has none, so the capture runs as another user."""
import os
import pwd
import subprocess

import harness
from diskcase import SIZE, DiskCase, by_number

USER = "nobody"
LIMIT = 6 << 20


class Quota(DiskCase):
    def make_disk(self, **_):
        """tmpfs counts what each user has, from Linux 6.6 on, if the kernel was built so."""
        self.place = self.path("disk")
        os.mkdir(self.place)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64m,usrquota,usrquota_block_hardlimit={LIMIT}",
                                "none", self.place], stderr=subprocess.DEVNULL, check=False)
        if mount.returncode:
            self.skipTest("this kernel has no quotas on tmpfs (CONFIG_TMPFS_QUOTA)")
        self.addCleanup(subprocess.run, ["umount", "-l", self.place], check=True)
        os.chown(self.place, pwd.getpwnam(USER).pw_uid, -1)

    def begin(self, *options, name="out", **process):
        return self.start("-Q", "in", "--user", USER, *options, file=os.path.join(self.place, name), **process)

    def files(self):
        return by_number(os.path.join(self.place, name) for name in os.listdir(self.place))

    def test_stop(self):
        """The capture ends as on a full disk, and each file with a complete block."""
        for options in [], ["--direct-io", "on"], ["-b", "filesize:2000"]:
            with self.subTest(options):
                self.sent = 0
                capture = self.begin(*options, name="out.pcapng")
                self.send(capture, 20000)
                self.assertEqual(capture.wait(), 1)
                self.assert_last_sentence(capture.stderr(), "disk is full")
                paths = self.files() if options[:1] == ["-b"] else [capture.file]
                self.sent = self.check_some(paths)
                self.assertGreater(self.sent, LIMIT // SIZE // 2)
                self.check_all(paths)
                for path in paths:
                    os.unlink(path)

    def test_prune(self):
        """The oldest files make room."""
        capture = self.begin("-b", "filesize:1000", "--disk-full", "prune", name="out.pcapng")
        self.send(capture, 20000)
        self.finish(capture)
        self.assertEqual(self.causes(capture), {})
        paths = self.files()
        first = self.sent - self.check_some(paths)
        self.assertGreater(first, 0)
        self.check_all(paths, first)


if __name__ == "__main__":
    harness.main()
