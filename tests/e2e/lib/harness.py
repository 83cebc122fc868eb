# SPDX-License-Identifier: MIT
"""Runs the tests of one file and reports each in a line of TAP.

All tests need root and network namespaces. Without those they are skipped; with XDPTAP_TESTS_MUST_RUN=1, for
machines that are expected to run them, they fail instead.
"""
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

SLOWNESS = int(os.environ.get("XDPTAP_TESTS_SLOWNESS", "1"))  # larger where the CPU is emulated
DEADLINE = 30 * SLOWNESS  # seconds for what takes a moment on an idle machine
SOON = 10 * SLOWNESS      # seconds for what xdptap promises within half a second

# Set by kernels/boot: a virtual machine of our own, whose kernel supports everything that is tested.
OWN_MACHINE = os.environ.get("XDPTAP_TESTS_OWN_MACHINE") == "1"
MUST_RUN = os.environ.get("XDPTAP_TESTS_MUST_RUN") == "1"
EXCUSES = ("needs Linux ", "this kernel ", "this machine ", "this build ")  # reasons to skip that are acceptable on any machine
PYTHON = (3, 11)  # TestCase.enterContext()
TOOLS = ("bpftool", "ip", "ping", "tcpdump", "tshark", "dumpcap", "ethtool", "setpriv")


def wait_until(condition, what, deadline=DEADLINE):
    """Waits until condition() is true and returns its value; fails at the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline} s still waiting for: {what}")
        time.sleep(0.005)


def missing():
    """Returns why the tests cannot run here, or None."""
    if sys.version_info < PYTHON:
        return f"needs Python {PYTHON[0]}.{PYTHON[1]} or newer, this is {sys.version.split()[0]}"
    if os.geteuid() != 0:
        return "needs root"
    for tool in TOOLS:
        if not shutil.which(tool):
            return f"needs {tool}"
    name = f"xt{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], stderr=subprocess.PIPE, text=True)
    if made.returncode != 0:
        return "needs network namespaces: " + made.stderr.strip()
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


def clock_ns():
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def comment(text):
    """Prints it as a comment of TAP."""
    print("".join(f"# {line}\n" for line in text.splitlines()), end="", flush=True)


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.outcome = None  # of the current test: (whether it passed, what to add to its line)

    def line(self, test, is_ok, remark=""):
        self.number += 1
        print(f"{'' if is_ok else 'not '}ok {self.number} - {test.id()}{remark}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.outcome = (True, "")

    def stopTest(self, test):
        super().stopTest(test)
        self.line(test, *self.outcome)
        self.outcome = None

    def fail(self, test, error):
        comment(self._exc_info_to_string(error, test))  # without unittest's own stack frames
        if self.outcome:
            self.outcome = (False, "")
        else:  # in setUpClass or setUpModule
            self.line(test, False)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            comment(subtest.id())
            self.fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        is_fault = MUST_RUN and not reason.startswith(EXCUSES)
        self.outcome = (not is_fault, f" ({reason})" if is_fault else f" # SKIP {reason}")


def main(also_missing=lambda: None):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything gets cleaned up
    reason = ((missing() or also_missing()) if "XDPTAP" in os.environ
              else "needs the program's path in XDPTAP")
    if reason:
        print(f"1..1\nnot ok 1 - {reason}" if MUST_RUN else f"1..0 # SKIP {reason}")
        sys.exit(MUST_RUN)
    result = Result()
    names = sys.argv[1:] or None
    loader = unittest.defaultTestLoader
    tests = (loader.loadTestsFromNames(names, sys.modules["__main__"]) if names
             else loader.loadTestsFromModule(sys.modules["__main__"]))
    tests.run(result)
    print(f"1..{result.number}")
    sys.exit(not result.wasSuccessful())
