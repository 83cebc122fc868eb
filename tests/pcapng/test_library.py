#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library as a whole: its symbols, its man pages, its examples.

    test_library.py symbols LIBRARY HEADER...   exactly the functions of the headers are exported
    test_library.py layout LIBRARY FILE HEADER...  what is in the file for this soname is as it was
    test_library.py manners LIBRARY ARCHIVE     libc and zlib alone; no globals, output, locale or exit
    test_library.py man PAGE HEADER             a clean page that names every function of the header
    test_library.py example PROGRAM             what it prints is a right file with packets in it
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import check_pcapng


def functions(headers):
    """Names declared at the start of a line, also behind a return type."""
    text = "".join(Path(h).read_text(encoding="utf-8") for h in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^[a-z][\w \t*]*?\b(pcapng_\w+)\(", text, flags=re.M))


def output(*argv):
    if not shutil.which(argv[0]):
        print(f"SKIP: {argv[0]} is not installed")
        sys.exit(77)
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout


def test_symbols(library, *headers):
    lines = output("nm", "-D", "--defined-only", library).decode().splitlines()
    found = {line.split()[2].split("@")[0] for line in lines if " A " not in line}
    assert found == functions(headers), f"differ: {found ^ functions(headers)}"


def members(body):
    """Names of a struct's members, also of arrays, bit fields, functions and several after one type."""
    for declaration in re.sub(r"\{[^{}]*\}", "", body).split(";"):
        function = re.search(r"\(\*(\w+)\)", declaration)
        if function:
            yield function[1]
        else:
            yield from re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?:,|$)", declaration.strip())


def prototypes(text):
    """Functions and their types, a line for each."""
    found = re.findall(r"^[a-z][^;{}#]*?\bpcapng_\w+\)?\([^;]*\);", text, flags=re.M)
    return "".join(sorted(re.sub(r"\s+", " ", f) + "\n" for f in found))


def constants(text):
    """Of enums, and bits."""
    for body in re.findall(r"^enum \w+ \{(.*?)^\}", text, flags=re.M | re.S):
        yield from re.findall(r"\b(PCAPNG_\w+)\s*[=,]", body)
    yield from re.findall(r"^#define (PCAPNG_\w+)[ \t]+\S", text, flags=re.M)


def layout(headers):
    """A line for each public struct: its name and size, and where each member begins; for each
    constant and for each function."""
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
    root = Path(headers[0]).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "layout.c", Path(folder) / "layout"
        source.write_text("#include <stddef.h>\n#include <stdio.h>\n" +
                          "".join(f'#include "{Path(h).resolve()}"\n' for h in headers) +
                          "int main(void)\n{\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")
        output("cc", f"-I{root}", str(source), "-o", str(program))
        return output(str(program)).decode() + functions_of_all


def test_layout(library, file, *headers):
    """Where it fails, raise the soname in pcapng/meson.build and put what is printed into the file;
    where it is only that a function or a constant is new, the soname stays."""
    if sys.maxsize < 2**32:
        print("SKIP: the file is for machines of 64 bits")
        sys.exit(77)
    soname = re.search(r"SONAME.*\[(.*)\]", output("readelf", "-d", library).decode())[1]
    found = soname + "\n" + layout(headers)
    assert found == Path(file).read_text(encoding="ascii"), "the layout has changed:\n" + found


# What a library has no business with: printing, logging, the locale, the environment, ending.
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


def test_example(program, *args):
    blocks = check_pcapng.parse(output(program, *args))
    assert [b.name for b in blocks].count("EPB") > 0, "no packet"


if __name__ == "__main__":
    {"symbols": test_symbols, "layout": test_layout, "manners": test_manners,
     "man": test_man, "example": test_example}[sys.argv[1]](*sys.argv[2:])
