#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs libxdptap into a folder and builds programs against what was installed.

    test_tap.py BUILD_FOLDER VERSION

In C11, C++11 and C++17, with the shared and the static library, using only pkg-config; and in Python, with ctypes and
no header. They run in a network namespace of their own, or, without the privilege, check that they are refused.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
PYTHON = """
import ctypes as c, sys
class Error(c.Structure): _fields_ = [("code", c.c_int), ("text", c.c_char * 252)]
class Interface(c.Structure):
    _fields_ = [("size", c.c_size_t), ("ifindex", c.c_uint32), ("linktype", c.c_uint32), ("points", c.c_uint32)]
lib = c.CDLL("libxdptap.so.0")
lib.xdptap_error.restype, lib.xdptap_version.restype = c.POINTER(Error), c.c_char_p
lib.xdptap_capabilities.restype = c.c_uint64
lo, tap, missing = Interface(c.sizeof(Interface)), c.c_void_p(), c.c_uint64()
assert lib.xdptap_version().decode() == sys.argv[1]
assert lib.xdptap_query(b"lo", 0, c.byref(lo)) == 0 and lo.linktype == 1 and lo.points & 1
assert lib.xdptap_query(b"nowhere", 0, c.byref(lo)) == -19
assert b"nowhere" in lib.xdptap_error(None).contents.text
assert lib.xdptap_capabilities(1, c.byref(missing)) == 1 << 12 | 1 << 38 | 1 << 39
r = lib.xdptap_open(None, c.byref(tap))
assert r == (-1 if missing else 0), r
lib.xdptap_close(tap)
"""


def run(*argv, env=None):
    result = subprocess.run(argv, capture_output=True, env={**os.environ, **(env or {})}, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: {result.returncode}: {result.stdout.decode()}{result.stderr.decode()}")
    return result.stdout


def isolated(*argv, env):
    """In a namespace of its own, if this user may make one."""
    if os.geteuid() == 0 and shutil.which("unshare"):
        argv = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *argv)
    run(*argv, env=env)


def install(build, root):
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", str(root), "--tags", "runtime,devel,man")
    pc = next(root.rglob("xdptap.pc"))
    return {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root),
            "LD_LIBRARY_PATH": str(pc.parent.parent)}


def build_and_run(env, compiler, standard, root, version, static):
    words = ["--cflags", "--libs"] + (["--static"] if static else [])
    flags = run("pkg-config", *words, "xdptap", env=env).decode().split()
    if static:
        assert {"-lbpf", "-lelf", "-lz"} <= set(flags), f"not all that a static library needs: {flags}"
        archive = str(next(root.rglob("libxdptap.a")))
        flags = [archive if f == "-lxdptap" else f for f in flags]
    else:
        assert "-lbpf" not in flags, f"a program does not link what the library uses: {flags}"
    program = root / "tap"
    language = ["-x", "c++"] if "++" in compiler else []
    # Strict C hides the sockets that the program sends with; the header needs none of it.
    run(compiler, f"-std={standard}", *STRICT, "-D_DEFAULT_SOURCE", f'-DEXPECTED_VERSION="{version}"', *language,
        str(HERE / "tap.c"), "-x", "none", "-o", str(program), *flags)
    isolated(str(program), env=env)


def build_examples(env, root):
    """The installed examples, at the paths in the man page."""
    folder = Path(run("pkg-config", "--variable=docdir", "xdptap", env=env).decode().strip())
    folder = root / folder.relative_to("/") if root not in folder.parents else folder
    page, = root.rglob("xdptap.3*")
    named = re.findall(r"^\.It Pa (\S+)", page.read_text(encoding="utf-8"), flags=re.M)
    assert len(named) == 2 and all((folder / name).is_file() for name in named), named
    flags = run("pkg-config", "--cflags", "--libs", "xdptap", "pcapng-writer", env=env).decode().split()
    for name in named:
        run("cc", "-std=gnu11", *STRICT[:2], "-Wno-unused-parameter", str(folder / name), "-o",
            str(root / Path(name).stem), *flags)


def check_header(root):
    """It shows nothing of what the library is made of, and includes nothing of it."""
    header, = root.rglob("xdptap/tap.h")
    text = header.read_text(encoding="utf-8")
    included = set(re.findall(r"^#include [<\"](\S+)[>\"]", text, flags=re.M))
    assert included == {"stddef.h", "stdint.h"}, included
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    assert not re.search(r"wire|libbpf|glib|struct tap_", code)
    assert [path.name for path in header.parent.iterdir()] == ["tap.h"]


def main(build, version):
    missing = [t for t in ("pkg-config", "cc", "c++") if not shutil.which(t)]
    if missing:
        print(f"SKIP: no {', '.join(missing)}")
        return 77
    with tempfile.TemporaryDirectory(dir=build) as folder:
        root = Path(folder)
        env = install(build, root)
        check_header(root)
        for compiler, standard in (("cc", "c11"), ("c++", "c++11"), ("c++", "c++17")):
            for static in (False, True):
                build_and_run(env, compiler, standard, root, version, static)
        isolated(sys.executable, "-c", PYTHON, version, env=env)
        build_examples(env, root)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
