#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails unless each program of an object has the filter's place (filter.bpf.h) exactly once, and no other function
has it: a compiler may copy code, and patch.c fills one place.
usage: filter-places.py OBJECT [FILE-TO-CREATE]"""
import struct
import sys

SITE = 0x5af17e12  # WIRE_FILTER_SITE
MOVE_TO_R0 = b"\xb7\x00\x00\x00"
SYMTAB, EXECUTABLE, FUNCTION = 2, 4, 2


def read_sections(elf):
    """(name, type, flags, offset, size, link) of each section."""
    start, = struct.unpack_from("<Q", elf, 0x28)
    _, count, names = struct.unpack_from("<3H", elf, 0x3a)
    rows = [struct.unpack_from("<IIQQQQI", elf, start + 64 * i) for i in range(count)]
    strings = rows[names][4]
    return [(string(elf, strings + name), kind, flags, offset, size, link)
            for name, kind, flags, _, offset, size, link in rows]


def string(elf, start):
    return elf[start:elf.index(b"\0", start)].decode()


def functions(elf):
    """(name, section, code) of each function."""
    sections = read_sections(elf)
    for _, kind, _, offset, size, link in sections:
        if kind != SYMTAB:
            continue
        for at in range(offset, offset + size, 24):
            name, info, _, index, value, length = struct.unpack_from("<IBBHQQ", elf, at)
            if info & 0xf == FUNCTION and index < len(sections) and sections[index][2] & EXECUTABLE:
                start = sections[index][3] + value
                yield string(elf, sections[link][3] + name), sections[index][0], elf[start:start + length]


def faults(elf):
    found = list(functions(elf))
    if not any(section != ".text" for _, section, _ in found):
        yield "there is no program"
    for name, section, code in found:
        count = sum(code[at:at + 8] == MOVE_TO_R0 + struct.pack("<I", SITE) for at in range(0, len(code), 8))
        wanted = int(section != ".text")
        if count != wanted:
            yield f"{name} has the filter's place {count} times instead of {wanted}"


def main():
    with open(sys.argv[1], "rb") as file:
        found = list(faults(file.read()))
    for fault in found:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    if found:
        sys.exit(1)
    if len(sys.argv) > 2:
        with open(sys.argv[2], "wb"):
            pass


main()
