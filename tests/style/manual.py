#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages are well-formed; xdptap.1, --help and Wireshark's dialog name the same options; --help fits a
terminal, and each of its texts is an imperative that starts with a capital."""
import os
import re
import subprocess

import tree

PAGE = "extcap/xdptap.1"
WIDTH = 80
TEXT = re.compile(r"^  -\S.*?  +(\S.*)$", re.MULTILINE)
VERBS = {"Attach", "Capture", "Compress", "Delete", "Do", "Drop", "Enable", "Append", "Filter", "Keep", "List",
         "Name", "Print", "Rotate", "Run", "Set", "Stop", "Sync", "Trace", "Write"}
HELP = re.compile(r"^\s+(?:-(\w), )?--([\w-]+)", re.MULTILINE)
CALL = re.compile(r"^arg .*?\{call=--([\w-]+)\}", re.MULTILINE)
ARGUMENT = re.compile(r"^arg \{number=(\d+)\}\{call=--([\w-]+)\}", re.MULTILINE)
VALUE = re.compile(r"^value \{arg=(\d+)\}\{value=([^}]+)\}", re.MULTILINE)
WIRESHARK = re.compile(r"extcap-.*|capture|fifo")  # Wireshark's words, not for people: not in --help


def ask(*arguments):
    return subprocess.run([os.environ["XDPTAP"], *arguments], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def documented():
    """{long option: letter or None}, from the items of the page's lists."""
    options = {}
    for _, line in tree.lines(PAGE):
        if line.startswith(".It Fl "):
            names = re.findall(r"\bFl (\S+)", line)
            letter = next((n for n in names if len(n) == 1), None)
            options.update({n[1:]: letter for n in names if n.startswith("-")})
    return options


def dialog():
    interface = re.search(r"^interface \{value=([^}]+)\}", ask("--extcap-interfaces"), re.M)[1]
    return ask("--extcap-config", "--extcap-interface", interface)


def undocumented_values(config):
    """(option, value) of the dialog that the page does not mention."""
    options = dict(ARGUMENT.findall(config))
    words = set(re.findall(r"\bCm (\S+)", tree.text(PAGE)))
    for number, value in VALUE.findall(config):
        if value not in words:
            yield options[number], value


def help_faults(text):
    for line in text.splitlines():
        if len(line) > WIDTH:
            yield "--help", f"wider than {WIDTH} columns: {line}"
    for words in TEXT.findall(text):
        if re.match(r"\w+", words)[0] not in VERBS:
            yield "--help", f"starts with no verb that is known: {words}"


def compare():
    yield from help_faults(ask("--help"))
    helped = {long: letter or None for letter, long in HELP.findall(ask("--help"))}
    page = documented()
    for name in sorted(helped.keys() - page.keys()):
        yield PAGE, f"--{name} of --help is missing"
    for name in sorted(page.keys() - helped.keys()):
        if not WIRESHARK.fullmatch(name):
            yield PAGE, f"--{name} is not in --help"
    for name in sorted(page.keys() & helped.keys()):
        if page[name] != helped[name]:
            yield PAGE, f"--{name} is -{page[name]} here and -{helped[name]} in --help"
    config = dialog()
    for name in CALL.findall(config):
        if name not in helped:
            yield "--extcap-config", f"--{name} is not an option of the program"
    for name, value in undocumented_values(config):
        yield PAGE, f"\"{value}\" of --{name} is missing"


def misquoted(page):
    """What a macro that goes on to the end of its line makes of the words after it: quotes in quotes, and a value
    with the dash of an option."""
    text = subprocess.run(["mandoc", "-Tutf8", os.path.join(tree.root(), page)], stdout=subprocess.PIPE,
                          text=True).stdout
    text = re.sub(".\b", "", text)  # bold and underlined
    return [(page, f"is printed as {words}") for words in re.findall("‘[^’]*‘.*|--[a-z-]+ -[a-z]+", text)]


def main():
    pages = tree.files(".1", ".3")
    faults = [(page, "is missing") for page in (PAGE, "pcapng/doc/pcapng-writer.3")
              if page not in pages]
    for page in pages:
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", os.path.join(tree.root(), page)],
                              stdout=subprocess.PIPE, text=True)
        faults += [(page, line) for line in lint.stdout.splitlines()] + misquoted(page)
    if PAGE in pages:
        faults += compare()
    tree.finish(faults)


main()
