#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Without clang, bpftool, libbpf, GLib and libpcap, meson builds the library alone.

    test_alone.py CHECKER

PATH is a folder of links, and pkg-config finds only zlib. With -Dauto_features=enabled, setup fails and
names what is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent
TOOLS = ["ar", "as", "cc", "gcc", "ld", "nm", "objcopy", "pkg-config", "python3", "ranlib", "readelf", "rm",
         "sh", "strip"]
MESON = ["meson", "ninja"]


def make_path(folder):
    """Links to the tools themselves, not to wrappers such as those of pyenv."""
    folder.mkdir()
    for tool in TOOLS + MESON:
        found = shutil.which(tool, path="/usr/bin:/bin") or shutil.which(tool)
        if not found:
            print(f"SKIP: no {tool}")
            sys.exit(77)
        (folder / tool).symlink_to(found)
    return str(folder)


def run(env, *argv):
    return subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def check(result, status, *words):
    assert (result.returncode == 0) == status, result.stdout
    missing = [word for word in words if word not in result.stdout]
    assert not missing, f"says nothing of {missing}: {result.stdout}"


def main(checker):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pc").mkdir()
        zlib = subprocess.run(["pkg-config", "--variable=pcfiledir", "zlib"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()
        shutil.copy(Path(zlib) / "zlib.pc", root / "pc")
        env = {**{k: v for k, v in os.environ.items() if k in ("HOME", "LANG", "TMPDIR")},
               "PATH": make_path(root / "bin"), "PKG_CONFIG_LIBDIR": str(root / "pc")}
        build, installed = str(root / "build"), str(root / "installed")
        check(run(env, "meson", "setup", str(root / "all"), str(SOURCE), "-Dauto_features=enabled"),
              False, "clang")
        check(run(env, "meson", "setup", build, str(SOURCE), "--prefix=/usr", "-Dwerror=true"), True,
              "no clang, no bpftool" if not Path("/usr/sbin/bpftool").exists() else "no clang",
              "no libbpf", "no GLib", "no libpcap", "xdptap is not built")
        check(run(env, "meson", "compile", "-C", build), True)
        check(run(env, "meson", "install", "-C", build, "--destdir", installed), True)
        files = {path.name for path in Path(installed).rglob("*")}
        assert {"writer.h", "libpcapng-writer.so.0", "pcapng-writer.3", "pcapng-writer.pc"} <= files
        assert not {name for name in files if "xdptap" in name}, files
        library, = Path(installed).rglob("libpcapng-writer.so.0")
        program, capture = str(root / "program"), root / "capture.pcapng"
        check(run(env, "cc", f"-I{installed}/usr/include", f"{SOURCE}/pcapng/examples/write-one-packet.c",
                  str(library), "-o", program), True)
        capture.write_bytes(subprocess.run([program], check=True, stdout=subprocess.PIPE,
                                           env={"LD_LIBRARY_PATH": str(library.parent)}).stdout)
        subprocess.run([checker, str(capture)], check=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
