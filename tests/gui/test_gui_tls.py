#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HTTP inside TLS in a running Wireshark, whose own settings know no secrets; and the process of its first packet."""
import test_gui  # first: it finds the other modules

import harness
from tls import TlsCase

setUpModule = test_gui.setUpModule


class Tls(test_gui.GuiCase, TlsCase):
    def cells(self):
        """Of the packet list, row by row."""
        for tree in self.main.walk():
            if tree.role in ("tree", "table") and any(w.name in ("TCP", "HTTP") or w.name.startswith("TLS")
                                                      for w in tree.children):
                return [w.name for w in tree.children]
        return []

    def test_http(self):
        self.serve()
        self.open("-o", f"extcap.xdptap_near.tlskeylog:{self.log}", "-o", "extcap.xdptap_near.process:true")
        self.double_click("near")
        connection = self.connect()
        for path in ("first", "second"):
            self.ask(connection, path)
            harness.wait_until(lambda: any(f"GET /{path} HTTP/1.1" in cell for cell in self.cells()),
                               f"the request for {path}, not {self.cells()}")
        self.menu("Go", "First Packet")
        self.main.wait("tree item", r"^Packet comments")
        self.picture("http")
        self.stop()
        self.assertEqual(len(self.app.windows()), 1, "a box")


if __name__ == "__main__":
    harness.main(test_gui.missing)
