#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layering.py finds each fault that is planted in a scratch tree, and none in a clean one."""
import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layering.py")
CLEAN = {
    "extcap/main.c": ["extcap/terminal/cli.h", "extcap/wireshark/extcap.h"],
    "extcap/terminal/cli.h": ["<glib.h>", "extcap/capture/capture.h"],
    "extcap/wireshark/extcap.h": ["extcap/capture/capture.h"],
    "extcap/wireshark/control.h": [],
    "extcap/capture/capture.h": ["bpf/tap.h", "extcap/sink/sink.h"],
    "extcap/sink/sink.h": ["extcap/config/options.h", "pcapng/files.h"],
    "extcap/config/options.h": ["extcap/net/link.h"],
    "extcap/net/link.h": ["extcap/system/error.h"],
    "extcap/system/error.h": ["<glib.h>"],
    "bpf/tap.h": ["bpf/point.h"],
    "bpf/point.h": ["<stdint.h>"],
    "bpf/tap.c": ["<bpf/libbpf.h>", "bpf/tap.h", "bpf/rings/ring.h", "bpf/filter/cbpf.h", "xdp.skel.h"],
    "bpf/wire.h": ["<linux/types.h>"],
    "bpf/rings/ring.h": ["bpf/wire.h"],
    "bpf/filter/cbpf.h": ["<stdint.h>"],
    "bpf/filter/patch.c": ["<bpf/libbpf.h>", "bpf/filter/cbpf.h", "bpf/wire.h"],
    "bpf/kernel/xdp.bpf.c": ["<bpf/bpf_helpers.h>", "bpf/kernel/ring.bpf.h"],
    "bpf/kernel/ring.bpf.h": ["bpf/wire.h"],
    "pcapng/writer.h": ["<stdint.h>"],
    "pcapng/files.h": ["pcapng/writer.h"],
    "pcapng/state.h": ["pcapng/writer.h", "pcapng/blocks/block.h"],
    "pcapng/blocks/block.h": ["pcapng/writer.h"],
    "pcapng/file/file.h": ["pcapng/files.h"],
    "pcapng/file/gzip.c": ["<zlib.h>", "pcapng/file/file.h"],
}
# A file, and a header that it may not include.
ARROWS = [
    # upward
    ("extcap/capture/capture.h", "extcap/wireshark/control.h"),
    ("extcap/capture/capture.h", "extcap/terminal/cli.h"),
    ("extcap/sink/sink.h", "extcap/capture/capture.h"),
    ("extcap/config/options.h", "extcap/sink/sink.h"),
    ("extcap/net/link.h", "extcap/config/options.h"),
    ("extcap/system/error.h", "extcap/net/link.h"),
    ("extcap/system/error.h", "extcap/config/options.h"),
    ("bpf/rings/ring.h", "bpf/tap.h"),
    ("bpf/filter/cbpf.h", "bpf/point.h"),
    ("bpf/kernel/ring.bpf.h", "bpf/tap.h"),
    ("pcapng/state.h", "pcapng/file/file.h"),
    ("pcapng/state.h", "pcapng/files.h"),
    ("pcapng/writer.h", "pcapng/files.h"),
    ("pcapng/blocks/block.h", "pcapng/state.h"),
    # sideways
    ("extcap/terminal/cli.h", "extcap/wireshark/control.h"),
    ("extcap/wireshark/extcap.h", "extcap/terminal/cli.h"),
    ("bpf/rings/ring.h", "bpf/filter/cbpf.h"),
    ("bpf/filter/cbpf.h", "bpf/rings/ring.h"),
    # out of sight
    ("extcap/capture/capture.h", "bpf/wire.h"),
    ("extcap/capture/capture.h", "<bpf/wire.h>"),
    ("extcap/capture/capture.h", "../../bpf/wire.h"),
    ("extcap/capture/capture.h", "<bpf/libbpf.h>"),
    ("extcap/capture/capture.h", "pcapng/state.h"),
    ("bpf/filter/cbpf.h", "<bpf/libbpf.h>"),
    ("bpf/filter/cbpf.h", "bpf/wire.h"),
    ("bpf/kernel/ring.bpf.h", "<stdio.h>"),
    ("bpf/wire.h", "<stdint.h>"),
    ("bpf/tap.c", "<glib.h>"),
    ("bpf/tap.c", "pcapng/writer.h"),
    ("bpf/tap.c", "extcap/system/error.h"),
    ("pcapng/state.h", "<glib.h>"),
    ("pcapng/state.h", "<zlib.h>"),
    ("pcapng/file/file.h", "<zlib.h>"),
    ("pcapng/state.h", "bpf/tap.h"),
]


class Layering(unittest.TestCase):
    def check(self, tree):
        """(status, output) of the check on a tree of {path: headers}."""
        with tempfile.TemporaryDirectory() as folder:
            for path, headers in tree.items():
                place = os.path.join(folder, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "w", encoding="utf-8") as file:
                    for header in headers:
                        file.write(f"#include {header}\n" if header[0] == "<" else
                                   f"{header}\n" if header.startswith("struct") else
                                   f'#include "{header}"\n')
            done = subprocess.run([sys.executable, CHECK, folder], stdout=subprocess.PIPE, text=True,
                                  check=False)
        return done.returncode, done.stdout

    def assert_found(self, path, header, *words):
        status, said = self.check(CLEAN | {path: CLEAN.get(path, []) + [header]})
        self.assertEqual(status, 1, said)
        for word in (path, *words):
            self.assertIn(word, said)

    def test_clean(self):
        self.assertEqual(self.check(CLEAN), (0, ""))

    def test_arrows(self):
        for path, header in ARROWS:
            with self.subTest(path=path, header=header):
                self.assert_found(path, header, os.path.basename(header.strip("<>")))

    def test_through_another_header(self):
        """The file itself looks innocent: the fault is in a header that it may include."""
        for header, below in (("bpf/point.h", "bpf/wire.h"), ("bpf/point.h", "<bpf/bpf.h>"),
                              ("bpf/tap.h", "<bpf/libbpf.h>")):
            with self.subTest(header=header, below=below):
                self.assert_found(header, below, "extcap/capture/capture.h: reaches", "through bpf/tap.h")

    def test_upward_through_another_header(self):
        self.assert_found("extcap/system/error.h", "extcap/wireshark/control.h",
                          "extcap/net/link.h: reaches extcap/wireshark/control.h, above net")

    def test_headers_of_libbpf_are_not_hidden(self):
        for name in ("bpf.h", "btf.h", "libbpf_common.h", "bpf_helpers.h", "skel_internal.h", "usdt.bpf.h"):
            with self.subTest(name):
                self.assert_found("bpf/" + name, "<stdint.h>", "hides a header of libbpf")

    def test_records(self):
        self.assert_found("bpf/point.h", "struct wire_frame;", "only the ring's reader")

    def test_variables_of_a_skeleton(self):
        self.assert_found("bpf/tap.c", "struct x { int x = skel->bss->now; }", "libbpf 1.5")

    def test_a_file_without_a_room(self):
        self.assert_found("extcap/misc/helpers.h", "<stdint.h>", "belongs to no room")


if __name__ == "__main__":
    unittest.main()
