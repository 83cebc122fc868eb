# SPDX-License-Identifier: MIT
"""The invariant of every capture: seen = filtered out + written + lost by cause, and written = packets in the file.

net.Process calls check() when a program ends, so no test can forget it. The numbers come from the closing
summary, the interface statistics blocks, --stats-file and --log-file: all that the run left. A run
that was killed leaves no summary and is not checked.
"""
import errno
import gzip
import os
import re
import stat
import struct
from collections import Counter, namedtuple

SHB, ISB, EPB = 0x0A0D0D0A, 5, 6
CAUSES = ("ring", "copy", "invalid", "queue", "output")
PCAP_MAGICS = (0xA1B23C4D, 0xA1B2C3D4)

CAPTURED = re.compile(r"^Packets captured: (\d+)$", re.MULTILINE)
INTERFACE = re.compile(r"^Packets received/dropped on interface '(.*)': (\d+)/(\d+) \(" +
                       "/".join(cause + r":(\d+)" for cause in CAUSES) + r"\)", re.MULTILINE)
FILE = re.compile(r"^File: (.+)$", re.MULTILINE)
METRIC = re.compile(r'^xdptap_frames_(\w+)_total\{interface="(.*?)"(?:,cause="(\w+)")?\} (\d+)$', re.MULTILINE)
LOGGED = re.compile(r"(\S+): seen (\d+), accepted (\d+), written (\d+), lost (\d+) \(" +
                    ", ".join(cause + r" (\d+)" for cause in CAUSES) + r"\)$", re.MULTILINE)
# These filter frames, so that fewer are accepted than seen.
FILTERS = ("-f", "--filter", "--extcap-capture-filter", "--verdict", "--extcap-control-in", "--pid", "--process-name",
           "--uid", "--cgroup", "--unit")
# These may delete or rename files while the capture runs.
DELETES = ("--total-size", "--max-age", "--min-free", "--disk-full", "--post-rotate")
# A file that was written past the page cache cannot be cut on such a disk.
CANNOT_CUT = os.strerror(errno.EROFS)
COUNTERS = {4: "ifrecv", 6: "filteraccept", 7: "osdrop", 8: "usrdeliv"}

Count = namedtuple("Count", "name seen accepted written lost causes")
Tally = namedtuple("Tally", "packets statistics")  # of a file: {(section, interface): n}, and its ISBs likewise


class Imbalance(AssertionError):
    pass


def require(condition, what, *numbers):
    if not condition:
        raise Imbalance(f"the books do not close: {what}: {numbers}")


def counters_of(body):
    """{name: value} of an interface statistics block."""
    found, at = {}, 12
    while at + 4 <= len(body):
        code, length = struct.unpack_from("=HH", body, at)
        if code in COUNTERS:
            found[COUNTERS[code]], = struct.unpack_from("=Q", body, at + 4)
        at += 4 + (length + 3) // 4 * 4
    return found


def is_torn(data, at):
    """Whether the block there is not complete."""
    return len(data) - at < 12 or struct.unpack_from("=I", data, at + 4)[0] > len(data) - at


def tally_pcapng(data, may_be_torn=False):
    packets, statistics, section, at = Counter(), {}, -1, 0
    while at < len(data):
        if may_be_torn and is_torn(data, at):
            break
        require(len(data) - at >= 12, "a file ends inside a block", at, len(data))
        kind, length = struct.unpack_from("=II", data, at)
        require(12 <= length <= len(data) - at, "a file ends inside a block", at, length, len(data))
        body = data[at + 8:at + length - 4] if kind in (EPB, ISB) else b""
        if kind == SHB:
            section += 1
        elif kind == EPB:
            packets[section, struct.unpack_from("=I", body)[0]] += 1
        elif kind == ISB:
            statistics[section, struct.unpack_from("=I", body)[0]] = counters_of(body)
        at += length
    return Tally(packets, statistics)


def tally_pcap(data):
    count, at = 0, 24
    while at < len(data):
        require(len(data) - at >= 16, "a file ends inside a record", at, len(data))
        at += 16 + struct.unpack_from("=I", data, at + 8)[0]
        count += 1
    require(at <= max(len(data), 24), "a file ends inside a record", at, len(data))
    return Tally(Counter({(0, 0): count}), {})


def tally(data, may_be_torn=False):
    """Returns the Tally of a capture, given as bytes."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    is_pcap = len(data) >= 4 and struct.unpack_from("=I", data)[0] in PCAP_MAGICS
    return tally_pcap(data) if is_pcap else tally_pcapng(data, may_be_torn)


def check_tally(found, has_filter, before=None):
    """Checks each interface's statistics against its packets. They count from the start of the capture: `before`
    is {interface: packets in earlier files}, or None if some of those are gone."""
    for key, counters in found.statistics.items():
        if "usrdeliv" not in counters:
            continue
        seen, accepted, lost, written = (counters[name] for name in
                                         ("ifrecv", "filteraccept", "osdrop", "usrdeliv"))
        if before is not None:
            packets = found.packets[key] + before[key[1]]
            require(written == packets, "isb_usrdeliv and packets in the files", written, packets)
        require(accepted == written + lost, "isb_filteraccept = isb_usrdeliv + isb_osdrop", accepted,
                written, lost)
        require(seen >= accepted, "isb_ifrecv and isb_filteraccept", seen, accepted)
        require(has_filter or seen == accepted, "isb_ifrecv without a filter", seen, accepted)


def check_counts(counts, has_filter, where):
    for count in counts:
        require(count.lost == sum(count.causes), f"{where}: losses by cause", *count)
        require(count.accepted == count.written + count.lost, f"{where}: accepted", *count)
        require(count.seen >= count.accepted, f"{where}: seen and accepted", *count)
        require(has_filter or count.seen == count.accepted, f"{where}: seen without a filter", *count)


def from_stats_file(text):
    values = {(name, interface, cause): int(n) for name, interface, cause, n in METRIC.findall(text)}
    for interface in dict.fromkeys(interface for _, interface, _ in values):
        causes = [values["dropped", interface, cause] for cause in CAUSES]
        yield Count(interface, *(values[name, interface, ""] for name in ("seen", "accepted", "written")),
                    sum(causes), causes)


def from_log(text):
    return [Count(name, *map(int, numbers[:4]), list(map(int, numbers[4:])))
            for name, *numbers in LOGGED.findall(text)]


def argument(command, name):
    """The value of an option, or None."""
    for number, word in enumerate(command):
        if word == name and number + 1 < len(command):
            return command[number + 1]
        if word.startswith(name + "="):
            return word[len(name) + 1:]
    return None


def runs_command(command):
    """Whether a command follows xdptap's own options: only its frames are captured."""
    return "-w" in command and "--" in command[command.index("-w"):]


def is_regular(path):
    return os.path.exists(path) and stat.S_ISREG(os.stat(path).st_mode)


def place_of(name):
    """Returns the path of a file. On a disk that became read-only, a file to be recovered keeps its .part name."""
    return name if os.path.exists(name) or not os.path.exists(name + ".part") else name + ".part"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def last_summary(said):
    """(packets captured, counts except frames seen) of the last summary on stderr, or None."""
    captured = list(CAPTURED.finditer(said))
    if not captured:
        return None
    counts = []
    for name, written, lost, *causes in INTERFACE.findall(said, captured[-1].end()):
        written, lost = int(written), int(lost)
        counts.append(Count(name, written + lost, written + lost, written, lost, list(map(int, causes))))
    return int(captured[-1][1]), counts


def is_file_of_ours(name):
    """Whether it is a regular file, under a name that means the same in this process."""
    return (os.path.isabs(name) and not name.startswith(("/dev/", "/proc/")) and
            (is_regular(name) or not os.path.exists(name)))


def may_delete(command):
    return any(argument(command, name) is not None for name in DELETES) or any(
        word.startswith("files:") for word in command)


def check_files(command, said, captured, lost, has_filter):
    """Checks the files that the run started: together they hold all packets, unless some may be deleted."""
    names = [place_of(name) for name in FILE.findall(said)]
    if not names or not all(map(is_file_of_ours, names)):
        return
    if not all(os.path.isdir(os.path.dirname(name)) for name in names):
        return  # somebody removed the folder and its contents
    is_complete = len(set(names)) == len(names) and all(map(is_regular, names))
    before, statistics = Counter(), {}
    for path in filter(is_regular, dict.fromkeys(names)):
        found = tally(read(path), CANNOT_CUT in said)
        # During a capture, the counters are read one by one, so only those of the last file are exact.
        check_tally(found, has_filter or path != names[-1], before if is_complete else None)
        for (_, interface), packets in found.packets.items():
            before[interface] += packets
        statistics = found.statistics
    packets = sum(before.values())
    require(packets <= captured, "packets in the files and in the summary", packets, captured)
    if is_complete or not may_delete(command):
        require(packets == captured, "packets in the files and in the summary", packets, captured)
    if is_complete:
        told = sum(counters.get("osdrop", 0) for counters in statistics.values())
        require(not statistics or told == lost, "isb_osdrop and the summary's losses", told, lost)


def check_texts(command, captured, has_filter):
    """Checks the counters in the stats file and in the log, which may include earlier runs."""
    path = argument(command, "--stats-file")
    if path and is_regular(path):
        counts = list(from_stats_file(read(path).decode("utf-8", "replace")))
        check_counts(counts, has_filter, "--stats-file")
        require(sum(c.written for c in counts) == captured, "--stats-file and the summary", *counts, captured)
    path = argument(command, "--log-file")
    if path and is_regular(path):
        check_counts(from_log(read(path).decode("utf-8", "replace")), has_filter, "--log-file")


def check(command, status, said, stream=b""):
    """Checks a program that has exited: its arguments, exit status, stderr and, if known, its stream."""
    has_filter = any(argument(command, name) is not None for name in FILTERS) or runs_command(command)
    if stream and status >= 0:
        found = None
        try:
            found = tally(stream)
        except Imbalance:  # a reader that left has what it read
            pass
        if found:
            check_tally(found, has_filter, Counter())
    summary = last_summary(said)
    if summary is None or status < 0:
        return
    captured, counts = summary
    check_counts(counts, True, "summary")
    require(captured == sum(c.written for c in counts), "packets captured and received", captured, counts)
    check_files(command, said, captured, sum(c.lost for c in counts), has_filter)
    check_texts(command, captured, has_filter)
