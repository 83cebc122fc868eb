# SPDX-License-Identifier: MIT
"""Two network namespaces joined by a veth pair, and processes and sockets inside them.

Captures run on the interface "near"; "far" sends its frames. Only what a test sends is on the wire: there is
no IPv6, and both ends have static neighbor entries.
"""
import atexit
import ctypes
import fcntl
import itertools
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections import namedtuple

import books
from harness import DEADLINE, wait_until

NEAR_MAC, FAR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
NEAR_IP, FAR_IP = "10.9.0.1", "10.9.0.2"
ETHERTYPE = 0x88B5  # for experiments, IEEE 802
CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TUN, IFF_TAP, IFF_NO_PI = 1, 2, 0x1000
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40
TUN_PROTOCOL = struct.Struct(">xxH")  # precedes each frame without IFF_NO_PI

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()
open_contexts = []  # Namespaces and Processes that unittest leaves open when it is interrupted


@atexit.register
def close_all():
    while open_contexts:
        open_contexts[-1].__exit__()


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode:
        raise RuntimeError(f"ip {arguments}: {done.stderr.strip()}")
    return done.stdout


def ip_batch(space, *commands):
    """Runs these in a namespace, by one ip: on an emulated machine a process is expensive."""
    done = subprocess.run(["ip", "-n", space.name, "-batch", "-"], input="\n".join(commands), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {commands}: {done.stderr.strip()}")


class Namespace:
    def __init__(self):
        self.name = f"xt{os.getpid()}-{next(numbers)}"

    def make(self):
        """Makes it, with nothing in it that is up."""
        open_contexts.append(self)
        ip("netns", "add", self.name)
        self.write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
        self.write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")

    def __enter__(self):
        self.make()
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        if self in open_contexts:
            open_contexts.remove(self)
            subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL)

    def ip(self, *arguments):
        return ip("-n", self.name, *arguments)

    def run(self, *command):
        """Runs a command inside and returns its output."""
        return subprocess.check_output(["ip", "netns", "exec", self.name, *command], text=True)

    def ping(self, address, count):
        """Sends echo requests from inside; each must be answered."""
        with Process(["ping", "-q", "-c", str(count), "-i", "0.01", "-W", "5", address], self) as ping:
            if ping.wait() != 0:
                raise AssertionError(ping.text())

    def inside(self, action):
        """Calls action() in a thread inside the namespace and returns its result; a socket stays inside."""
        results = []

        def run():
            try:
                with open(f"/run/netns/{self.name}", encoding="ascii") as file:
                    if libc.setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                results.append((action(), None))
            except OSError as error:
                results.append((None, error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        value, error = results[0]
        if error:
            raise error
        return value

    def write(self, path, value):
        def action():
            with open(path, "w", encoding="ascii") as file:
                file.write(value)
        try:
            self.inside(action)
        except FileNotFoundError:
            pass  # a kernel without IPv6

    def link(self, interface):
        return json.loads(self.ip("-j", "-s", "-d", "link", "show", "dev", interface))[0]

    def has_link(self, interface):
        return any(link["ifname"] == interface for link in json.loads(self.ip("-j", "link", "show")))

    def xdp(self, interface="near"):
        """{"mode": 1 native or 2 generic, "prog": {"id": …, "name": …}} or None."""
        return self.link(interface).get("xdp")

    def load_xdp(self, file, interface="near", mode="xdp", section="xdp"):
        """Attaches another tool's XDP program."""
        self.ip("link", "set", interface, mode, "obj", file, "sec", section)

    def socket(self, *arguments, bind=None):
        def action():
            made = socket.socket(*arguments)
            if bind:
                made.bind(bind)
            return made
        return self.inside(action)


class Pair:
    """with Pair() as pair: pair.near and pair.far are Namespaces."""

    def __init__(self, mtu=1500):
        self.mtu = mtu
        self.near, self.far = Namespace(), Namespace()

    def __enter__(self):
        try:
            self.near.make()
            self.far.make()
            self.connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.near.__exit__()
        self.far.__exit__()

    def connect(self):
        """Makes near and far, up, with their addresses and those of each other."""
        ip_batch(self.near, "link set lo up", " ".join(self.link_add("near", "far")), "link set near up",
                 f"addr add {NEAR_IP}/24 dev near",
                 f"neigh add {FAR_IP} lladdr {FAR_MAC} dev near nud permanent")
        ip_batch(self.far, "link set lo up", "link set far up", f"addr add {FAR_IP}/24 dev far",
                 f"neigh add {NEAR_IP} lladdr {NEAR_MAC} dev far nud permanent")

    def link_add(self, near, far):
        mtu = str(self.mtu)
        return ("link", "add", near, "address", NEAR_MAC, "mtu", mtu, "type", "veth",
                "peer", "name", far, "address", FAR_MAC, "mtu", mtu, "netns", self.far.name)

    def add(self, near, far):
        """Adds a veth pair."""
        self.near.ip(*self.link_add(near, far))
        self.near.ip("link", "set", near, "up")
        self.far.ip("link", "set", far, "up")

    def sender(self, interface="far", carrier=True):
        """A socket whose send() transmits a frame from this end of the veth pair, once it has a carrier: the kernel
        drops frames until then, which is a moment after the other end came up."""
        end = self.near if interface.startswith("near") else self.far
        sender = end.socket(socket.AF_PACKET, socket.SOCK_RAW, 0, bind=(interface, 0))
        if carrier:
            wait_until(lambda: is_running(sender, interface), f"the carrier of {interface}")
        return sender

    def send_all(self, frames, interface="far", carrier=True):
        with self.sender(interface, carrier) as sender:
            for data in frames:
                sender.send(data)

    def send(self, count, size=100, interface="far"):
        """Sends frames from far, and returns them."""
        frames = [frame(size, number) for number in range(count)]
        self.send_all(frames, interface)
        return frames

    def ping(self, count=5):
        """Sends echo requests from far. Each is answered, so it causes two frames."""
        self.far.ping(NEAR_IP, count)


def is_running(sock, interface):
    """Whether it is up and has a carrier, in the namespace of this socket."""
    answer = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sh14x", interface.encode(), 0))
    return bool(struct.unpack_from("16xh", answer)[0] & IFF_RUNNING)


def frame(size, number=0):
    """Returns a unique frame of this size, Ethernet header included."""
    noise = random.Random(size << 32 | number)
    head = bytes.fromhex((NEAR_MAC + FAR_MAC).replace(":", "")) + struct.pack(">H", ETHERTYPE)
    return (head + struct.pack(">I", number) + noise.randbytes(max(0, size - 18)))[:size]


def is_ours(data):
    return data[12:14] == struct.pack(">H", ETHERTYPE)


def open_tun(hardware=None, flags=IFF_NO_PI, mode=IFF_TUN):
    """Makes t0, with an ARPHRD_ if it is to have another, and returns its descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"t0", mode | flags))
    if hardware:
        fcntl.ioctl(fd, TUNSETLINK, hardware)
    return fd


class Process:
    """A process that is gone after the with statement; its output is kept in files."""

    def __init__(self, command, namespace=None, user=None, stdin=subprocess.DEVNULL, stdout=None,
                 **popen):
        if user:
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                       "--inh-caps=-all", "--", *command]
        if namespace:
            command = ["ip", "netns", "exec", namespace.name, *command]
        self.command, self.checked = command, None
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.popen = subprocess.Popen(command, stdin=stdin, stdout=stdout or self.out,
                                      stderr=self.err, **popen)
        open_contexts.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self in open_contexts:
            open_contexts.remove(self)
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        try:
            self.check_books()
        finally:
            self.out.close()
            self.err.close()

    def check_books(self):
        """Checks the books of a capture: as soon as it has exited, while its files are there, and again after
        more of its stream was read."""
        stream = self.stream
        if self.checked != len(stream):
            self.checked = len(stream)
            books.check(self.command, self.popen.returncode, self.stderr().decode("utf-8", "replace"), stream)

    @property
    def stream(self):
        """Returns the capture on standard output; subclasses may override."""
        return self.stdout() if books.argument(self.command, "-w") == "-" else b""

    @property
    def pid(self):
        return self.popen.pid

    def has_ended(self):
        return self.popen.poll() is not None

    def wait(self, deadline=DEADLINE):
        """Waits for the exit status, negative for a signal."""
        try:
            status = self.popen.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline} s: {self.text()}") from None
        self.check_books()
        return status

    def signal(self, number=signal.SIGINT):
        self.popen.send_signal(number)

    def stdout(self):
        return os.pread(self.out.fileno(), 1 << 26, 0)

    def stderr(self):
        return os.pread(self.err.fileno(), 1 << 20, 0)

    def wait_for(self, words, deadline=DEADLINE):
        """Waits until these words are on stderr."""
        wait_until(lambda: words.encode() in self.stderr() or self.has_ended(),
                   f"\"{words}\" from {self.command}", deadline)
        if words.encode() not in self.stderr():
            raise AssertionError(f"ended without saying \"{words}\": {self.text()}")

    def text(self):
        return f"{self.command}: {self.stdout()[-2000:]!r} {self.stderr()[-2000:]!r}"


Stat = namedtuple("Stat", "name state parent")


def stat(pid):
    """Returns the state of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = rest.split()[:2]
    return Stat(name, state, int(parent))


def children(pid):
    """Returns the PIDs of its child processes."""
    stats = {child: stat(child) for child in map(int, filter(str.isdigit, os.listdir("/proc")))}
    return [child for child, s in stats.items() if s and s.parent == pid]


def captures(pid):
    """Whether a child of this process is an xdptap that has attached its programs: it is in its sandbox then."""
    for child in children(pid):
        try:
            with open(f"/proc/{child}/status", encoding="utf-8") as file:
                status = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if re.search(r"^Name:\s*xdptap$", status, re.MULTILINE) and re.search(r"^Seccomp:\s*2$", status, re.MULTILINE):
            return True
    return False


def catches(pid, number):
    """Whether a process has a handler for this signal."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            caught = re.search(r"^SigCgt:\s*(\w+)", file.read(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


def bpf_objects(pid):
    """Returns the BPF programs and maps that a process holds: {"prog": ids, "map": ids}."""
    held = {"prog": set(), "map": set()}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            for kind, number in re.findall(r"^(prog|map)_id:\s*(\d+)", file.read(), re.MULTILINE):
                held[kind].add(int(number))
    return held


def bpftool(*arguments, namespace=None):
    command = ["ip", "netns", "exec", namespace.name] if namespace else []
    return json.loads(subprocess.check_output([*command, "bpftool", "-j", *arguments]) or "null")


def are_loaded(objects):
    """Whether any of them is still loaded."""
    return any(ids & {entry["id"] for entry in bpftool(kind, "list")} for kind, ids in objects.items())


def has_tcx():
    """Linux 6.6 and newer. On older kernels, a tc program survives SIGKILL and is lost when the interface moves."""
    return has_symbol("tcx_link_attach")


def has_symbol(name):
    with open("/proc/kallsyms", encoding="ascii") as file:
        return any(line.split()[2] == name for line in file)


def readable(fd):
    """Returns the number of bytes in a pipe."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]


def is_constant(measure, times=20, apart=0.01):
    """Whether the value stays constant for a while."""
    first = measure()
    return all(time.sleep(apart) or measure() == first for _ in range(times))


def tcpdump(namespace, path, direction="inout", interface="near"):
    """Returns a tcpdump that is already capturing."""
    process = Process(["tcpdump", "-i", interface, "-w", path, "-Q", direction, "-U", "-Z", "root",
                       "--immediate-mode", "--time-stamp-precision=nano", "-B", "65536"], namespace)
    process.wait_for("listening on")
    return process
