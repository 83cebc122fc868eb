#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What extcap/ asks of bpf/ is in the library's public header, too, or there is a reason why not.

The program sits on bpf/tap.h, one layer below libxdptap. It would gain nothing from the layer between: that checks
the arguments of strangers, and words what the program words in terms of its own options. Each of its calls is named below with the one that does the
same for everybody, or with why nobody else is offered it. A new call of extcap/ fails here until it has its row.
"""
import re

import tree

HEADER = "bpf/xdptap/tap.h"
OFFERED = {
    "device_begin": "xdptap_attach", "driver_allows_native": "xdptap_attach", "driver_avoid_native": "xdptap_attach",
    "driver_may_try_again": "xdptap_attach", "driver_read": "xdptap_query", "phc_find": "xdptap_query",
    "device_linktype": "xdptap_query", "device_read_features": "xdptap_query",
    "point_choose": "xdptap_attach", "program_list": "xdptap_query", "tap_find_program": "xdptap_query",
    "tap_add_rings": "xdptap_drain", "tap_can_lack_rings": "xdptap_drain", "tap_lacks_rings": "xdptap_drain",
    "tap_ahead_ns": "xdptap_now_ns", "tap_attach": "xdptap_attach", "tap_check_filter": "xdptap_check_filter",
    "tap_close": "xdptap_detach", "tap_detach": "xdptap_end", "tap_drain": "xdptap_drain", "tap_drain_rest": "xdptap_end",
    "tap_fd": "xdptap_fd", "tap_find_place": "xdptap_get_attachment", "tap_follow_clock": "xdptap_follow_clock",
    "tap_free": "xdptap_close", "tap_is_attached": "xdptap_get_attachment", "tap_new": "xdptap_open",
    "tap_now_ns": "xdptap_now_ns", "tap_read_stats": "xdptap_get_stats", "tap_release": "xdptap_drain",
    "tap_set_filter": "xdptap_set_filter", "tap_set_log": "xdptap_open", "tap_slots": "xdptap_attach",
    "tap_wait_ms": "xdptap_fd",
}
SANDBOX = "the program's sandbox asks which system calls must remain; an application has its own"
DROPS = "the kernel's names of drop reasons change from release to release; no ABI can promise them yet"
OFFLOADS = "after native and generic mode, the program has them turned on again by a child process: a library does not fork"
PROCESSES = "the process of a frame is new: it becomes an ABI when it has settled"
WITHHELD = {
    "phc_is_off": "hwstamp_ctl tells, and only for some drivers",
    "device_ioctl": "a plain system call, which is everybody's",
    "offloads_enable": OFFLOADS, "offloads_read": OFFLOADS,
    "tap_asks_netlink": SANDBOX, "tap_needs_netlink": SANDBOX,
    "reasons_find": DROPS, "reasons_find_value": DROPS, "reasons_get": DROPS,
    "tap_free_rings": "the program waits for a disk after it, and its summary still wants the counters; an application reads "
                      "them and closes",
    "tap_read_addresses": PROCESSES, "tap_read_unit": PROCESSES,
    "tap_move": "one file has two interfaces for one program after a change of its name; an application detaches and "
                "attaches",
    "tap_print_filter": "a listing for people (-d), in a format that may change",
    "tap_version": "libbpf's version, for the log",
}
CALL = re.compile(r"\b((?:tap|program|point|reasons|device|driver|offloads|phc)_[a-z_]+)\(")


def main():
    declared = {}
    for path in tree.files(".h"):
        if path.startswith("bpf/") and not path.startswith("bpf/xdptap/"):
            declared.update((name, path) for name in CALL.findall(tree.text(path)))
    public = set(re.findall(r"\b(xdptap_\w+)\(", tree.text(HEADER)))
    used = {name: path for path in tree.files(".c", ".h") if path.startswith("extcap/")
            for name in CALL.findall(tree.text(path)) if name in declared}
    faults = [(used[name], f"{name}() of {declared[name]} is neither in OFFERED nor in WITHHELD of {__file__}")
              for name in sorted(used.keys() - OFFERED.keys() - WITHHELD.keys())]
    faults += [(HEADER, f"does not offer {OFFERED[name]}() for {name}()")
               for name in sorted(OFFERED) if OFFERED[name] not in public]
    faults += [(__file__, f"extcap/ does not use {name}()") for name in sorted((OFFERED | WITHHELD).keys() - used.keys())]
    tree.finish(faults)


main()
