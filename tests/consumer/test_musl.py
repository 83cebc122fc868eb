#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library with musl: every source compiles, and a program that writes a capture is linked and runs.

    test_musl.py CHECKER

Debian has no zlib for musl. Its headers are enough to compile all of it; the program uses the writer
alone, which needs no zlib. Where ZLIB_MUSL names a zlib built with musl (libz.a), the program for files
is linked, too, and writes a compressed set.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent
STRICT = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
          "-Wno-missing-field-initializers"]


def run(*argv):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: {result.stderr.decode()}")
    return result.stdout


def zlib_headers(folder):
    """Only these two headers, not glibc's."""
    folder.mkdir()
    for name in "zlib.h", "zconf.h":
        found = next((p for p in (Path("/usr/include") / name, *Path("/usr/include").glob(f"*/{name}"))
                      if p.is_file()), None)
        if not found:
            print(f"SKIP: no {name}")
            sys.exit(77)
        (folder / name).symlink_to(found)
    return ["-isystem", str(folder)]


def build_library(root):
    flags = zlib_headers(root / "include")
    objects = []
    for source in sorted((SOURCE / "pcapng").rglob("*.c")):
        if "examples" in source.parts:
            continue
        objects.append(str(root / f"{source.stem}.o"))
        run("musl-gcc", *STRICT, f"-I{SOURCE}", *flags, "-c", str(source), "-o", objects[-1])
    run("ar", "rcs", str(root / "libpcapng-writer.a"), *objects)


def build(root, name, *libraries):
    program = str(root / name)
    run("musl-gcc", *STRICT, "-static", f"-I{SOURCE}", str(SOURCE / "pcapng" / "examples" / f"{name}.c"),
        str(root / "libpcapng-writer.a"), *libraries, "-o", program)
    return program


def main(checker):
    if not shutil.which("musl-gcc"):
        print("SKIP: no musl-gcc")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build_library(root)
        capture = root / "capture.pcapng"
        capture.write_bytes(run(build(root, "write-one-packet")))
        captures = [capture]
        if "ZLIB_MUSL" in os.environ:
            run(build(root, "write-files", os.environ["ZLIB_MUSL"]), str(root / "cap.pcapng"), "10000",
                "100000", "0", "1")
            captures += root.glob("cap_*.pcapng.gz")
            assert len(captures) > 5, captures
        run(checker, *map(str, captures))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
