#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Dropped packets in Wireshark: their interface in the list, its dialog, and the reason in a column."""
import re
import sys

import test_gui  # first: it finds the other modules

import drops
import harness
from drops import udp

setUpModule = test_gui.setUpModule

N = 4
COLUMNS = 'gui.column.format:"No.","%m","Port","%Cus:udp.dstport:0:R","Reason","%Cus:frame.comment:0:R"'
LISTED = "^XDP tap: packets that the kernel drops"


class Drops(test_gui.GuiCase):
    def setUp(self):
        if not drops.reasons():
            self.skipTest("this kernel does not say why it drops packets")
        super().setUp()

    def drop(self, count, wrong=0):
        self.pair.send_all([udp(9000 + n, wrong=wrong) for n in range(count)])

    def start_drops(self):
        self.main.wait("tree item", LISTED).click(2)
        harness.wait_until(self.xdptap, "xdptap")
        self.wait_status("XDP tap.*seen")

    def cells(self):
        """Of the packet list, row by row."""
        for tree in self.main.walk():
            if tree.role in ("tree", "table") and any(re.search(r" in \w+$", w.name) for w in tree.children):
                return [w.name for w in tree.children]
        return []

    def rows(self):
        """(reason, port) of each packet."""
        cells = self.cells()
        return [(cells[n].partition(" in ")[0], cells[n - 1]) for n in range(1, len(cells))
                if re.search(r"^[A-Z_0-9]+ in \w+", cells[n])]

    def test_reason_in_a_column(self):
        self.open("-o", COLUMNS)
        self.main.wait("tree item", LISTED)
        self.picture("list")
        self.start_drops()
        self.drop(N)
        self.drop(1, wrong=1)
        self.packets(N + 1)
        wanted = [("NO_SOCKET", str(9000 + n)) for n in range(N)] + [("UDP_CSUM", "9000")]
        harness.wait_until(lambda: self.rows() == wanted, f"{wanted}, not {self.cells()}")
        self.picture("reasons")
        self.stop()
        self.assertEqual(len(self.app.windows()), 1, "a box")

    def test_dialog(self):
        """It offers what makes sense for drops, and a reason that is set there reaches the capture."""
        self.open("-o", COLUMNS)
        cells = self.main.wait("tree").children
        place = next(n for n, c in enumerate(cells) if re.search(LISTED, c.name))
        cells[place - 1].click()
        dialog = self.app.window("Interface Options: XDP tap: packets")
        self.assertEqual([w.name for w in dialog.walk() if w.role == "page tab"], ["Default", "Drops", "Debug"])
        self.picture("first")
        next(w for w in dialog.walk() if w.role == "page tab" and w.name == "Drops").click()
        dialog.wait("label", "^Drop reasons")
        self.picture("drops")
        field = next(w for w in dialog.walk() if w.role == "text" and w.is_showing)
        field.write("UDP_CSUM")
        dialog.wait("push button", "^Save$").click()
        harness.wait_until(lambda: len(self.app.windows()) == 1, "the dialog to close")
        self.start_drops()
        self.drop(N)
        self.drop(1, wrong=1)
        self.packets(1)
        harness.wait_until(lambda: self.rows() == [("UDP_CSUM", "9000")], "the reason")
        self.stop()


if __name__ == "__main__":
    harness.main(test_gui.missing)
