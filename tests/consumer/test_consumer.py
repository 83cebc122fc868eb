#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs the library into a folder and builds programs against what was installed.

    test_consumer.py BUILD_FOLDER CHECKER VERSION

In C11 and C++, with the shared and the static library, using only pkg-config; and as a meson subproject,
which requires only what the library requires. Programs built with the headers of an older release, which
are in the folder named after it, run with the current shared library.
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


def run(*argv, env=None):
    result = subprocess.run(argv, capture_output=True, env={**os.environ, **(env or {})}, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: {result.stdout.decode()}{result.stderr.decode()}")
    return result.stdout


def install(build, root):
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", str(root),
        "--tags", "runtime,devel")
    pc = next(root.rglob("pcapng-writer.pc"))
    return {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root),
            "LD_LIBRARY_PATH": str(pc.parent.parent)}


def build_and_run(env, compiler, standard, root, version, checker, static):
    words = ["--cflags", "--libs"] + (["--static"] if static else [])
    flags = run("pkg-config", *words, "pcapng-writer", env=env).decode().split()
    if static:
        archive = str(next(root.rglob("libpcapng-writer.a")))
        flags = [archive if f == "-lpcapng-writer" else f for f in flags]
    program, capture = root / "consumer", root / "consumer.pcapng"
    language = ["-x", "c++"] if "++" in compiler else []
    run(compiler, f"-std={standard}", *STRICT, f'-DEXPECTED_VERSION="{version}"', *language,
        str(HERE / "consumer.c"), "-x", "none", "-o", str(program), *flags)
    capture.write_bytes(run(str(program), env=env))
    run(checker, str(capture))


def run_old_program(env, root, headers, checker):
    """Linked with the current library, but compiled with the old headers."""
    program, captures = root / "old", [root / "old.pcapng", root / "old-file.pcapng"]
    library = next(root.rglob("libpcapng-writer.so.0"))
    run("cc", "-std=gnu11", "-O2", *STRICT[:2], f"-I{headers}", str(HERE / "old.c"), str(library), "-o",
        str(program))
    captures[0].write_bytes(run(str(program), str(captures[1]), env=env))
    run(checker, *map(str, captures))


def build_examples(env, root, checker):
    """The installed examples, at the paths in the man pages."""
    folder = Path(run("pkg-config", "--variable=docdir", "pcapng-writer", env=env).decode().strip())
    folder = root / folder.relative_to("/") if root not in folder.parents else folder
    flags = run("pkg-config", "--cflags", "--libs", "pcapng-writer", env=env).decode().split()
    named = [name for page in (HERE.parent.parent / "pcapng" / "doc").glob("*.3") for name in
             re.findall(r"^\.It Pa (\S+)", page.read_text(encoding="utf-8"), flags=re.M)]
    assert named and all((folder / name).is_file() for name in named), named
    for example in (folder / "examples").iterdir():
        run("cc", "-std=gnu11", *STRICT[:2], str(example), "-o", str(root / example.stem), *flags)
    capture = root / "example.pcapng"
    capture.write_bytes(run(str(root / "write-one-packet"), env=env))
    run(checker, str(capture))


PROJECT = """project('stranger', 'c', default_options: ['c_std=c11', 'werror=true'])
executable('consumer', 'consumer.c', c_args: '-DEXPECTED_VERSION="@VERSION@"',
  dependencies: dependency('pcapng-writer', fallback: 'xdptap'))
"""


def build_subproject(root, version, checker):
    """There pkg-config finds only zlib."""
    project, places = root / "project", root / "pc"
    (project / "subprojects").mkdir(parents=True)
    places.mkdir()
    (project / "subprojects" / "xdptap").symlink_to(HERE.parent.parent)
    (project / "meson.build").write_text(PROJECT.replace("@VERSION@", version), encoding="ascii")
    shutil.copy(HERE / "consumer.c", project)
    zlib = run("pkg-config", "--variable=pcfiledir", "zlib").decode().strip()
    shutil.copy(Path(zlib) / "zlib.pc", places)
    run("meson", "setup", str(project / "build"), str(project),
        env={"PKG_CONFIG_LIBDIR": str(places), "PKG_CONFIG_PATH": ""})
    run("meson", "compile", "-C", str(project / "build"))
    capture = root / "subproject.pcapng"
    capture.write_bytes(run(str(project / "build" / "consumer")))
    run(checker, str(capture))


def main(build, checker, version):
    missing = [t for t in ("pkg-config", "cc", "c++") if not shutil.which(t)]
    if missing:
        print(f"SKIP: no {', '.join(missing)}")
        return 77
    with tempfile.TemporaryDirectory(dir=build) as folder:
        root = Path(folder)
        env = install(build, root)
        for compiler, standard in (("cc", "c11"), ("c++", "c++11"), ("c++", "c++17")):
            for static in (False, True):
                build_and_run(env, compiler, standard, root, version, checker, static)
        build_examples(env, root, checker)
        for headers in HERE.glob("[0-9]*.[0-9]*"):
            run_old_program(env, root, headers, checker)
        build_subproject(root, version, checker)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
