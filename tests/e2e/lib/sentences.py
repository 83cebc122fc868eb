# SPDX-License-Identifier: MIT
"""Wireshark's parser of an extcap's answers, reimplemented from its rules.

A sentence is a keyword at column 0, blanks, and any number of {key=value}. A value ends at the first "}" that
is followed by "{", a blank or the end of the line; nothing can be escaped. Wireshark silently ignores what it
does not understand; here it is a Fault.
"""
import re
from collections import namedtuple

KEYWORDS = ("extcap", "interface", "dlt", "arg", "value", "control")
REQUIRED = {"extcap": (), "interface": ("value", "display"), "dlt": ("number", "name", "display"),
            "arg": ("number", "call", "display", "type"), "value": ("value", "display"),
            "control": ("number", "type")}
TYPES = {"integer", "unsigned", "long", "double", "boolean", "boolflag", "string", "password",
         "selector", "radio", "multicheck", "fileselect", "timestamp"}  # of Wireshark 4.0
SENTENCE = re.compile(r"(" + "|".join(KEYWORDS) + r")[\t ]+(?=\{)", re.IGNORECASE)
PAIR = re.compile(r"\{([a-zA-Z_-]*?)=(.*?)\}(?=\{|\s|$)")

Sentence = namedtuple("Sentence", "keyword values")


class Fault(Exception):
    pass


def parse_line(line):
    keyword = SENTENCE.match(line)
    if not keyword:
        raise Fault(f"not a sentence: {line!r}")
    values, at = {}, keyword.end()
    while at < len(line):
        pair = PAIR.match(line, at)
        if not pair:
            raise Fault(f"nothing that can be read at column {at}: {line!r}")
        if pair[1].lower() in values:
            raise Fault(f"{pair[1]} twice: {line!r}")
        values[pair[1].lower()] = pair[2]
        at = pair.end()
    for key in REQUIRED[keyword[1].lower()]:
        if key not in values:
            raise Fault(f"no {key}: {line!r}")
    return Sentence(keyword[1].lower(), values)


def parse(output):
    """Parses the output of an extcap, given as bytes."""
    text = output.decode("utf-8")  # Wireshark ignores a line that is not
    if text and not text.endswith("\n"):
        raise Fault("the last line is not ended")
    return [parse_line(line) for line in text.split("\n")[:-1]]


def named(output, keyword):
    """Returns the values of all sentences with this keyword."""
    return [s.values for s in parse(output) if s.keyword == keyword]
