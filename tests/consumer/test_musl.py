#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library with musl: every source compiles, its examples and consumers run, and the sandbox of xdptap refuses
nothing that it needs. (All of xdptap would need GLib and libbpf built with musl, which Debian does not have.)

    test_musl.py CHECKER VERSION

Debian has no zlib for musl either: its headers and its static library, built with glibc, serve here, as what the
library calls computes and allocates, but asks nothing else of a C library.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent
HERE = SOURCE / "tests" / "consumer"
STRICT = ["-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
          "-Wno-missing-field-initializers"]
# What sandbox.c needs of GLib, with which no program of musl can be linked here.
GLIB = """
#include <assert.h>
#include <stdio.h>
#include <string.h>
#define g_assert assert
#define g_strerror strerror
#define g_warning(...) (fprintf(stderr, __VA_ARGS__))
#define G_N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define G_BYTE_ORDER __BYTE_ORDER__
#define G_BIG_ENDIAN __ORDER_BIG_ENDIAN__
"""


def run(*argv, **process):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **process)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: {result.returncode}, {result.stderr.decode()}")
    return result.stdout


def first(*patterns):
    found = [path for pattern in patterns for path in glob.glob(pattern)]
    if not found:
        print(f"SKIP: no {patterns[0]}")
        sys.exit(77)
    return found[0]


def only_headers(folder, *names):
    """A folder with these of glibc's headers, and no others."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(first(f"/usr/include/{name}", f"/usr/include/*/{name}"))
    return ["-isystem", str(folder)]


class Musl:
    def __init__(self, root, checker, version):
        self.root, self.checker = root, checker
        self.flags = [*STRICT, f'-DEXPECTED_VERSION="{version}"', f"-I{SOURCE}",
                      *only_headers(root / "zlib", "zlib.h", "zconf.h")]
        self.zlib = first("/usr/lib/*/libz.a", "/usr/lib/libz.a")
        self.library = str(root / "libpcapng-writer.a")
        objects = [self.compile(source) for source in sorted((SOURCE / "pcapng").rglob("*.c"))
                   if "examples" not in source.parts]
        run("ar", "rcs", self.library, *objects)

    def compile(self, source, *flags, std="gnu11"):
        made = str(self.root / f"{source.stem}.o")
        run("musl-gcc", f"-std={std}", *self.flags, *flags, "-c", str(source), "-o", made)
        return made

    def build(self, source, *objects, **options):
        """Returns a static program."""
        program = str(self.root / source.stem)
        run("musl-gcc", "-static", self.compile(source, **options), *objects, self.library, self.zlib, "-o", program)
        return program

    def check(self, *captures):
        run(self.checker, *map(str, captures))

    def try_writers(self):
        """What writes a capture to standard output, and what was built with headers of 0.1 (see old.c)."""
        for source in SOURCE / "pcapng/examples/write-one-packet.c", HERE / "consumer.c":
            capture = self.root / "capture.pcapng"
            capture.write_bytes(run(self.build(source)))
            self.check(capture)
        self.flags.insert(0, f"-I{HERE / '0.1'}")
        captures = self.root / "old-1.pcapng", self.root / "old-2.pcapng"
        captures[0].write_bytes(run(self.build(HERE / "old.c"), str(captures[1])))
        self.check(*captures)
        self.flags.pop(0)

    def try_files(self):
        program = self.build(SOURCE / "pcapng/examples/write-files.c")
        for level in (), ("6",):
            folder = self.root / f"files{len(level)}"
            folder.mkdir()
            run(program, str(folder / "cap.pcapng"), "10000", "100000", "0", *level)
            captures = list(folder.glob("cap_*.pcapng.gz" if level else "cap_*.pcapng"))
            assert len(captures) > 5, captures
            self.check(*captures)

    def try_sandbox(self):
        """Rotates, compresses, recovers and deletes files in the sandbox; strace names what was refused."""
        headers = self.root / "headers"
        headers.mkdir()
        (headers / "glib.h").write_text(GLIB)
        kernel = ["-idirafter", "/usr/include", "-idirafter", os.path.dirname(first("/usr/include/*/asm"))]
        sandbox = self.compile(SOURCE / "extcap/system/sandbox.c", "-isystem", str(headers), *kernel)
        program = self.build(HERE / "musl.c", sandbox)
        calls = self.root / "calls"
        for method in "none", "gzip":
            folder = self.root / method
            folder.mkdir()
            for _ in range(2):
                run("strace", "-f", "-qq", "-o", str(calls), program, str(folder / "set.pcapng"), method)
                after = calls.read_text(encoding="utf-8").partition("SECCOMP_SET_MODE_FILTER")[2]
                refused = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)\b.* = -1 ENOSYS\b", after, re.MULTILINE))
                assert refused == {"socket"}, refused  # which musl.c tries
                captures = sorted(path for path in folder.iterdir() if not path.name.endswith(".part"))
                assert len(captures) >= 10, captures
                self.check(*captures)
                left = captures[-1]  # as after a crash
                left.rename(f"{left}.part")
            run(program, str(folder / "set.pcapng"), method)
            names = [path.name for path in folder.iterdir()]
            assert len(names) == 25 and sum("-recovered" in name for name in names) == 2, names


def main(checker, version):
    for command in "musl-gcc", "strace":
        if not shutil.which(command):
            print(f"SKIP: no {command}")
            return 77
    with tempfile.TemporaryDirectory() as folder:
        musl = Musl(Path(folder), checker, version)
        musl.try_writers()
        musl.try_files()
        musl.try_sandbox()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
