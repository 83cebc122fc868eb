#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""-i any with five hundred interfaces, and with interfaces that come and go while others are under load."""
import re
import socket
import subprocess
import threading
import time

import harness
import net
from harness import SLOWNESS, wait_until
from program import Case

COUNT = 500
ROUNDS, AT_ONCE = 10, 10  # of interfaces that come and go
BURST, PAUSE = 16, 0.002   # frames of the load, and seconds between bursts
FIRST = re.compile(rb"(\d+) of (\d+) interfaces are captured from the start")


class Many(Case):
    def start_any(self):
        self.log = self.path("log")
        return self.start("--log-file", self.log, "--log-level", "info", interface="any")

    def count_log(self, words):
        with open(self.log, encoding="utf-8") as file:
            return file.read().count(words)

    @staticmethod
    def batch(space, lines):
        subprocess.run(["ip", "-n", space.name, "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def test_five_hundred(self):
        """It begins with those that fit into its first moment; the others join, and each is captured then."""
        self.batch(self.pair.near, [line for n in range(COUNT // 2) for line in (
            f"link add a{n} up type veth peer name b{n}", f"link set b{n} up")])
        capture = self.start_any()
        begun, total = map(int, FIRST.search(capture.stderr()).groups())
        self.assertEqual(total, COUNT + 2)
        self.assertLess(begun, total)
        self.assertGreater(begun, 0)
        wait_until(lambda: self.count_log(": received frames at ") == total, f"{total} interfaces", 120 * SLOWNESS)
        for n in range(COUNT // 2):
            with self.pair.near.socket(socket.AF_PACKET, socket.SOCK_RAW, 0, bind=(f"a{n}", 0)) as sender:
                sender.send(net.frame(100, n))
        capture.wait_packets(COUNT)
        found = self.numbers_by_name(capture.finish())
        for n in range(COUNT // 2):
            self.assertEqual((found[f"a{n}"], found[f"b{n}"]), ([n], [n]))

    @staticmethod
    def numbers_by_name(capture):
        names = [i.option("if_name") for i in capture.interfaces]
        found = {name: [] for name in names}
        for packet in capture.named("EPB"):
            if net.is_ours(packet["data"]):
                found[names[packet["interface"]]].append(int.from_bytes(packet["data"][14:18], "big"))
        return found

    def flood(self):
        """Several thousand frames a second: each of them is read by the test, too."""
        number = 0
        with self.pair.sender() as sender:
            while not self.is_over:
                sender.send(net.frame(64, number & 255))
                number += 1
                if number % BURST == 0:
                    time.sleep(PAUSE)
        self.n_sent = number

    def test_under_load(self):
        """Each one that came is complete, and so are the books: the case checks them when the capture ends."""
        self.is_over, self.n_sent = False, 0
        capture = self.start_any()
        load = threading.Thread(target=self.flood)
        load.start()
        try:
            for round_ in range(ROUNDS):
                self.come_and_go(round_)
        finally:
            self.is_over = True
            load.join()
        finished = capture.finish()
        found = self.numbers_by_name(finished)
        for n in range(AT_ONCE):
            self.assertEqual(found[f"c{n}"], list(range(ROUNDS)))
        seen = sum(s.option("isb_ifrecv") for s in finished.statistics
                   if finished.interfaces[s["interface"]].option("if_name") == "near")
        self.assertEqual(seen, self.n_sent)

    def come_and_go(self, round_):
        before = self.count_log(": received frames at ")
        for n in range(AT_ONCE):
            self.pair.add(f"c{n}", f"d{n}")
        wait_until(lambda: self.count_log(": received frames at ") == before + AT_ONCE, "those that came")
        for n in range(AT_ONCE):
            self.pair.send_all([net.frame(100, round_)], f"d{n}")
        gone = self.count_log("was deleted")
        self.batch(self.pair.near, [f"link del c{n}" for n in range(AT_ONCE)])
        wait_until(lambda: self.count_log("was deleted") > gone, "the last one to go")


if __name__ == "__main__":
    harness.main()
