#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A library as a whole: its symbols, its man pages, its examples. PREFIX is that of its names.

    test_library.py symbols LIBRARY DEBIAN HEADER...  the library exports exactly the functions of the
                                                headers, with the versions in Debian's symbols file
    test_library.py version VERSION HEADER...   the macros of the headers agree
    test_library.py layout LIBRARY FILE HEADER...  the ABI in the file is unchanged or has only grown
    test_library.py manners LIBRARY ARCHIVE     only libc and zlib; no globals, output, locale or exit
    test_library.py man PAGE HEADER             the page is well-formed, describes every function of the
                                                header, and names the other pages of its folder
    test_library.py checked HEADERS FILE...     the examples in programs and man pages compile and check
                                                every return value; HEADERS: the folder of the headers
    test_library.py same PAGE PROGRAM...        the page shows these programs, without their first comment
    test_library.py example PROGRAM             it prints a valid file with packets
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import check_pcapng

PREFIX = os.environ.get("PREFIX", "pcapng")
UPPER = PREFIX.upper()
ROOT = Path(__file__).resolve().parent.parent.parent


def functions(headers):
    """Names declared at the start of a line, with or without a return type."""
    text = "".join(Path(h).read_text(encoding="utf-8") for h in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(rf"^[a-z][\w \t*]*?\b({PREFIX}_\w+)\(", text, flags=re.M))


def output(*argv):
    if not shutil.which(argv[0]):
        print(f"SKIP: {argv[0]} is not installed")
        sys.exit(77)
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout


def test_symbols(library, debian, *headers):
    """A function in the symbols file was released: it stays, under that version."""
    lines = output("nm", "-D", "--defined-only", library).decode().splitlines()
    found = {line.split()[2].replace("@@", "@") for line in lines if " A " not in line}
    names = {symbol.split("@")[0] for symbol in found}
    assert names == functions(headers), f"differ: {names ^ functions(headers)}"
    released = {line.split()[0] for line in Path(debian).read_text(encoding="ascii").splitlines()
                if line.startswith(f" {PREFIX}_")}
    assert found == released, f"not as in {debian}: {found ^ released}"


def test_version(version, *headers):
    """The macros have the version, and the check accepts no later one."""
    major, minor, micro = map(int, version.split("."))
    parts = [major, minor, micro]
    checks = [(parts, 1), ([major, minor, micro + 1], 0), ([major, minor + 1, 0], 0),
              ([major + 1, 0, 0], 0)] + [([0, 0, 0], 1)]
    name = "PCAPNG_WRITER" if PREFIX == "pcapng" else UPPER
    lines = [f"#if {name}_CHECK_VERSION({', '.join(map(str, check))}) != {result}\n#error\n"
             f"#endif" for check, result in checks]
    lines += [f"_Static_assert({name}_VERSION_{which} == {part}, \"\");"
              for which, part in zip(("MAJOR", "MINOR", "MICRO"), parts)]
    compile_and_run(headers, "\n".join(lines), "")


def members(body):
    """Names of a struct's members, also of arrays, bit fields, functions and several after one type."""
    for declaration in re.sub(r"\{[^{}]*\}", "", body).split(";"):
        function = re.search(r"\(\*(\w+)\)", declaration)
        if function:
            yield function[1]
        else:
            yield from re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?:,|$)", declaration.strip())


def prototypes(text):
    """Functions and their types, one per line."""
    found = re.findall(r"^[a-z][^;{}#]*?\b" + PREFIX + r"_\w+\)?\([^;]*\);", text, flags=re.M)
    return "".join(sorted(re.sub(r"\s+", " ", f) + "\n" for f in found))


def constants(text):
    """Names of enumerators and of bits."""
    for body in re.findall(r"^enum \w+ \{(.*?)^\}", text, flags=re.M | re.S):
        yield from re.findall(rf"\b({UPPER}_\w+)\s*[=,]", body)
    yield from re.findall(rf"^#define ({UPPER}_(?!(?:WRITER_)?VERSION)\w+)[ \t]+\S", text, flags=re.M)


def compile_and_run(headers, before, main):
    root = Path(headers[0]).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "program.c", Path(folder) / "program"
        source.write_text("#include <stddef.h>\n#include <stdio.h>\n" +
                          "".join(f'#include "{Path(h).resolve()}"\n' for h in headers) +
                          f"{before}\nint main(void)\n{{\n{main}\n}}\n", encoding="utf-8")
        output("cc", f"-I{root}", str(source), "-o", str(program))
        return output(str(program)).decode()


def layout(headers):
    """One line per public struct, with its size and the offset of each member; per constant; and per
    function."""
    lines, functions_of_all = [], ""
    for header in headers:
        text = re.sub(r"/\*.*?\*/", "", Path(header).read_text(encoding="utf-8"), flags=re.S)
        functions_of_all += prototypes(text)
        lines += [f'printf("{name} %lld\\n", (long long){name});' for name in constants(text)]
        for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", text, flags=re.M | re.S):
            names = list(members(body))
            places = "".join(f" {n}@%zu" for n in names)
            values = "".join(f", offsetof(struct {name}, {n})" for n in names)
            lines.append(f'printf("{name} %zu:{places}\\n", sizeof(struct {name}){values});')
    return compile_and_run(headers, "", "\n".join(lines)) + functions_of_all


# Structs that may grow at their end: see writer.h and xdptap/tap.h.
GROWING = {"pcapng_writer_config", "pcapng_files_config", "pcapng_files_event", "pcapng_section",
           "pcapng_interface", "pcapng_packet", "pcapng_stats", "pcapng_names", "pcapng_secrets",
           "pcapng_custom", "xdptap_config", "xdptap_target", "xdptap_stats", "xdptap_attachment",
           "xdptap_interface"}


def is_kept(line, found):
    """True if the line still holds: a struct may have new members at its end."""
    words = line.split()
    if line in found or words[0] not in GROWING:
        return line in found
    grown = next((other.split() for other in found if other.split()[0] == words[0]), [])
    return grown[2:len(words)] == words[2:] and int(grown[1].rstrip(":")) > int(words[1].rstrip(":"))


def test_layout(library, file, *headers):
    if sys.maxsize < 2**32:
        print("SKIP: the file is for machines of 64 bits")
        sys.exit(77)
    soname = re.search(r"SONAME.*\[(.*)\]", output("readelf", "-d", library).decode())[1]
    found = soname + "\n" + layout(headers)
    lines = Path(file).read_text(encoding="ascii").splitlines()
    broken = [line for line in lines if not is_kept(line, found.splitlines())]
    assert lines[0] != soname or not broken, (
        "programs break; undo it, or raise the soname in meson.build:\n" + "\n".join(broken))
    assert lines == found.splitlines(), f"put this into {file}:\n{found}"


# A library must not print, log, use the locale or the environment, or exit.
RUDE = re.compile(r"_*(v?f?(print|scan)f|f?puts?|f?putc(har)?|perror|std(in|out|err)|fopen|v?syslog|"
                  r"(v?f?printf|v?syslog)_chk|(set|use|new)locale|localeconv|nl_langinfo|strto[dfl]\w*|"
                  r"strcoll|strftime|strerror\w*|is(alpha|digit|print|space)|to(upper|lower)|ctype_\w+|"
                  r"(secure_)?getenv|setenv|exit|abort|assert_fail|signal|sigaction)(@.*)?")


def test_manners(library, archive):
    """"No globals" is: nothing in any section that a program could write to."""
    wanted = [line.split()[-1] for line in output("nm", "-D", "-u", library).decode().splitlines()]
    rude = [name for name in wanted if RUDE.fullmatch(name)]
    assert "writev" in {name.split("@")[0] for name in wanted}, "nm says something else"
    assert not rude, f"uses {rude}"
    needed = re.findall(r"NEEDED.*\[(\w+)", output("readelf", "-dW", library).decode())
    assert set(needed) <= {"libc", "libz", "libpthread"}, f"needs {needed}"
    rows = output("nm", "--format=sysv", archive).decode().splitlines()
    variables = [row for row in rows if re.search(r"\|\s*(\.(data|bss|tdata|tbss)|\*COM\*)\s*$", row)]
    assert not variables, f"globals: {variables}"


def test_man(page, header):
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True,
                          check=False) if shutil.which("mandoc") else None
    assert lint is None or lint.stdout == "", lint.stdout
    text = Path(page).read_text(encoding="utf-8")
    missing = [f for f in functions([header]) if text.count(f) < 3]     # name, synopsis, text
    assert not missing, f"not described: {missing}"
    others = {p.stem for p in Path(page).parent.glob("*.3")} - {Path(page).stem}
    named = set(re.findall(r"^\.Xr (\S+) 3", text.split(".Sh SEE ALSO")[1], flags=re.M))
    assert others <= named, f"SEE ALSO lacks {others - named}"


def examples(path):
    """The program, or the examples of the page."""
    text = Path(path).read_text(encoding="utf-8")
    if path.endswith(".c"):
        return [text]
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", text, flags=re.M | re.S)[1]
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section, flags=re.M | re.S)
    programs = [example.replace("\\e", "\\") for example in found if "#include" in example]
    assert programs, f"{path}: no example"
    return programs


def test_checked(headers, *paths):
    """The compiler checks it: in these copies of the headers, ignored results are warnings."""
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder) / Path(headers).name
        copies.mkdir()
        for header in Path(headers).glob("*.h"):
            text = header.read_text(encoding="utf-8")
            (copies / header.name).write_text(re.sub(
                rf"^(int|ssize_t) (?={PREFIX}_)", r"__attribute__((warn_unused_result)) \1 ", text,
                flags=re.M), encoding="utf-8")
        for number, example in enumerate(e for path in paths for e in examples(path)):
            source = Path(folder) / f"{number}.c"
            source.write_text(example, encoding="utf-8")
            output("cc", "-std=gnu11", "-Wall", "-Werror", f"-I{folder}", f"-I{ROOT}", "-c", str(source),
                   "-o", str(source.with_suffix(".o")))


def test_same(page, *programs):
    for program in programs:
        text = Path(program).read_text(encoding="utf-8")
        assert text[text.index("#include"):] in examples(page), f"{page} shows another {program}"


def test_example(program, *args):
    blocks = check_pcapng.parse(output(program, *args))
    assert [b.name for b in blocks].count("EPB") > 0, "no packet"


if __name__ == "__main__":
    {"symbols": test_symbols, "version": test_version, "layout": test_layout, "manners": test_manners,
     "man": test_man, "same": test_same, "checked": test_checked,
     "example": test_example}[sys.argv[1]](*sys.argv[2:])
