# SPDX-License-Identifier: MIT
"""Every kind of network device. A row of KINDS makes a device "t0" in both namespaces, over the veth pair; the
test is skipped where the kernel or a tool cannot."""
import fcntl
import glob
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import tty
from collections import namedtuple

import harness
import net
import netlink
from program import Case

ETHERNET, RAW, COOKED, RADIOTAP, CAN, WPAN = 1, 101, 113, 127, 227, 230
NEAR4, FAR4, NEAR6, FAR6 = "10.77.0.1", "10.77.0.2", "fd77::1", "fd77::2"
OUTER6 = "fd78::1", "fd78::2"
PPP = 512  # ARPHRD_PPP

# What precedes `ip link add` options; {here4} and so on are the addresses of the veth pair. None: make_NAME()
# makes it. "traffic" says which traffic_…() of the test it carries; "directions" what tcpdump sees there.
Kind = namedtuple("Kind", "options linktype families hardware traffic directions mtu has_mac",
                  defaults=(RAW, "46", None, "pair", "in out", None, False))


def ethernet(options, **more):
    return Kind(options, ETHERNET, **{"has_mac": True, **more})


OVER4, OVER6 = "local {here4} remote {there4}", "local {here6} remote {there6}"
KINDS = {
    "ipip": Kind("ipip " + OVER4, families="4"),
    "gre": Kind("gre " + OVER4, COOKED),
    "sit": Kind("sit mode any " + OVER4),
    "ip6tnl": Kind("ip6tnl mode any " + OVER6, COOKED),
    "ip6gre": Kind("ip6gre " + OVER6, COOKED),
    "vti": Kind("vti key 7 " + OVER4, mtu=1400),
    "vti6": Kind("vti6 key 7 " + OVER6, COOKED, mtu=1400),
    "xfrm": Kind("xfrm dev {device} if_id 7", mtu=1400),
    "tun": Kind(None),
    "tun_ppp": Kind(None, COOKED, hardware=PPP),  # a tun device of that type
    "ppp": Kind(None, COOKED),
    "wireguard": Kind("wireguard"),
    "gretap": ethernet("gretap " + OVER4),
    "ip6gretap": ethernet("ip6gretap " + OVER6),
    "vxlan": ethernet("vxlan id 1 dstport 4789 " + OVER4),
    "geneve": ethernet("geneve id 1 remote {there4}"),
    "tap": ethernet(None),
    "macvlan": ethernet("macvlan"),
    "macvtap": ethernet("macvtap mode bridge"),
    "ipvlan": ethernet("ipvlan mode l2", has_mac=False),
    "ipvlan_l3": ethernet("ipvlan mode l3", families="4", has_mac=False),
    "ipvlan_l3s": ethernet("ipvlan mode l3s", families="4", has_mac=False, directions="out"),
    "vlan": ethernet("vlan id 5"),
    "qinq": ethernet(None),
    "bridge": ethernet("bridge"),
    "bond": ethernet("bond mode active-backup"),
    "team": ethernet(None, has_mac=False),
    "hsr": ethernet(None, has_mac=False),
    "netkit_l2": ethernet(None),
    "netkit_l3": ethernet(None, has_mac=False),
    "dummy": ethernet("dummy", traffic="fed"),
    "ifb": ethernet("ifb", traffic="fed", directions="out", has_mac=False),
    "vxcan": Kind(None, CAN, families="", traffic="can"),
    "monitor": Kind(None, RADIOTAP, families="", traffic="radio"),
    "wpan": Kind(None, WPAN, families="", traffic="wpan"),
    "vrf": Kind("vrf table 77", traffic="refused"),
}
ON_TOP = ("macvlan", "macvtap", "ipvlan", "ipvlan_l3", "ipvlan_l3s", "vlan")
WITHOUT_NEIGHBORS = ("ipvlan_l3", "ipvlan_l3s", "netkit_l3")
Side = namedtuple("Side", "space device here4 there4 here6 there6 inner4 inner6 mac")

MODPROBE = "/run/modprobe"  # of kernels/init
TIOCSETD, N_PPP = 0x5423, 3
PPPIOCGCHAN, PPPIOCATTCHAN, PPPIOCCONNECT, PPPIOCNEWUNIT = 0x80047437, 0x40047438, 0x4004743A, 0xC004743E
INT = struct.Struct("i")


class Wire:
    """Carries what comes out of one file to the other one, and back."""

    def __init__(self, near, far):
        self.fds, self.is_ended = (near, far), False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_ended = True
        self.thread.join()
        for fd in self.fds:
            os.close(fd)

    def run(self):
        other = dict(zip(self.fds, reversed(self.fds)))
        while not self.is_ended:
            for fd in select.select(self.fds, [], [], 0.1)[0]:
                try:
                    os.write(other[fd], os.read(fd, 65536))
                except OSError:
                    pass  # the other one is not up yet


def open_ppp():
    """A PPP interface on a pseudo-terminal, as pppd makes it: (the other end, what keeps it, its number)."""
    master, slave = os.openpty()
    tty.setraw(slave)
    fcntl.ioctl(slave, TIOCSETD, INT.pack(N_PPP))
    channel, unit = (os.open("/dev/ppp", os.O_RDWR) for _ in range(2))
    fcntl.ioctl(channel, PPPIOCATTCHAN, fcntl.ioctl(slave, PPPIOCGCHAN, INT.pack(0)))
    number = fcntl.ioctl(unit, PPPIOCNEWUNIT, INT.pack(-1))
    fcntl.ioctl(channel, PPPIOCCONNECT, number)
    return master, (slave, channel, unit), INT.unpack(number)[0]


class Devices(Case):
    def sides(self):
        for number, (space, device, here4, there4) in enumerate((
                (self.pair.near, "near", net.NEAR_IP, net.FAR_IP),
                (self.pair.far, "far", net.FAR_IP, net.NEAR_IP))):
            yield Side(space, device, here4, there4, OUTER6[number], OUTER6[1 - number],
                       (NEAR4, FAR4)[number], (NEAR6, FAR6)[number], f"02:77:00:00:00:0{number + 1}")

    def make(self, name):
        """Makes t0 in both namespaces, and skips the test if this kernel cannot."""
        kind = KINDS[name]
        for side in self.sides():
            side.space.write(f"/proc/sys/net/ipv6/conf/{side.device}/disable_ipv6", "0")
            side.space.ip("addr", "add", f"{side.here6}/64", "dev", side.device, "nodad")
        try:
            if kind.options is None:
                getattr(self, f"make_{name}")(kind)
            else:
                self.add_links(name, kind)
        except (OSError, RuntimeError) as error:
            self.skipTest(f"this kernel has no {name}: {error}")
        getattr(self, f"set_up_{name}", lambda: None)()
        for side in self.sides():
            self.address(kind, side)
        near, far = self.sides()
        if kind.linktype == ETHERNET and name not in WITHOUT_NEIGHBORS:
            self.introduce(near, far)
            self.introduce(far, near)
        if kind.traffic == "pair":
            self.wait_reachable()

    def add_links(self, name, kind):
        for side in self.sides():
            under = ["link", side.device] if name in ON_TOP else []
            options = kind.options.format(**side._asdict()).split()
            side.space.ip("link", "add", *under, "name", "t0", "type", *options)

    @staticmethod
    def address(kind, side):
        space = side.space
        if kind.has_mac:
            space.ip("link", "set", "t0", "address", side.mac)
        if kind.mtu:
            space.ip("link", "set", "t0", "mtu", str(kind.mtu))
        if "4" in kind.families:
            space.ip("addr", "add", f"{side.inner4}/24", "dev", "t0")
        space.write("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "0" if "6" in kind.families else "1")
        space.ip("link", "set", "t0", "up")
        if "6" in kind.families:
            space.ip("addr", "add", f"{side.inner6}/64", "dev", "t0", "nodad")

    @staticmethod
    def introduce(side, peer):
        """No question about the neighbor's address falls between the ends of two captures."""
        mac = peer.space.link("t0")["address"]
        for address in (peer.inner4, peer.inner6):
            side.space.ip("neigh", "replace", address, "lladdr", mac, "dev", "t0", "nud", "permanent")

    def wait_reachable(self):
        """A port may need a moment before it forwards."""
        def answers():
            with net.Process(["ping", "-q", "-c", "1", "-W", "1", FAR4], self.pair.near) as ping:
                return ping.wait() == 0
        harness.wait_until(answers, "an answer")

    def join(self, *ports):
        for side in self.sides():
            for port in ports or (side.device,):
                side.space.ip("link", "set", port, "down")
                side.space.ip("link", "set", port, "master", "t0")
                side.space.ip("link", "set", port, "up")

    def make_tun(self, kind):
        self.enterContext(Wire(*[side.space.inside(lambda: net.open_tun(kind.hardware))
                                 for side in self.sides()]))

    make_tun_ppp = make_tun

    def make_tap(self, kind):
        self.enterContext(Wire(*[side.space.inside(lambda: net.open_tun(kind.hardware, net.IFF_NO_PI, net.IFF_TAP))
                                 for side in self.sides()]))

    def make_ppp(self, kind):
        if not os.path.exists("/dev/ppp"):
            self.skipTest("this machine has no /dev/ppp")
        ends = []
        for side in self.sides():
            master, kept, number = side.space.inside(open_ppp)
            for fd in kept:
                self.addCleanup(os.close, fd)
            ends.append(master)
            side.space.ip("link", "set", f"ppp{number}", "name", "t0")
        self.enterContext(Wire(*ends))

    def make_qinq(self, kind):
        for side in self.sides():
            side.space.ip("link", "add", "link", side.device, "name", "s0", "type", "vlan", "proto", "802.1ad",
                          "id", "5")
            side.space.ip("link", "set", "s0", "up")
            side.space.ip("link", "add", "link", "s0", "name", "t0", "type", "vlan", "id", "6")

    def make_hsr(self, kind):
        self.pair.add("near2", "far2")
        for side in self.sides():
            side.space.ip("link", "add", "t0", "type", "hsr", "slave1", side.device, "slave2", side.device + "2",
                          "version", "1")

    def make_team(self, kind):
        if not shutil.which("teamd"):
            self.skipTest("this machine has no teamd")
        for side in self.sides():
            side.space.ip("link", "set", side.device, "down")
            setup = {"runner": {"name": "roundrobin"}, "ports": {side.device: {}}}
            teamd = self.enterContext(net.Process(  # its file in /run says that a t0 is there
                ["sh", "-c", 'mount -t tmpfs none /run && exec teamd -t t0 -c "$0"', json.dumps(setup)], side.space))
            harness.wait_until(lambda: teamd.has_ended() or side.space.has_link("t0"), "teamd")
            if teamd.has_ended():
                raise RuntimeError(teamd.text())

    def make_netkit_l2(self, kind):
        netlink.add_netkit(self.pair.near, "t0", "l2", self.pair.far, "t0")

    def make_netkit_l3(self, kind):
        netlink.add_netkit(self.pair.near, "t0", "l3", self.pair.far, "t0")

    def make_vxcan(self, kind):
        self.pair.near.ip("link", "add", "t0", "mtu", "72", "type", "vxcan", "peer", "name", "t0", "mtu", "72",
                          "netns", self.pair.far.name)

    def load(self, module, *options):
        """Nobody else uses the radios of this machine."""
        if not harness.OWN_MACHINE:
            self.skipTest("this machine may have users of a radio module")
        subprocess.run([MODPROBE, "-r", module], stderr=subprocess.DEVNULL, check=False)
        if subprocess.run([MODPROBE, module, *options], check=False).returncode:
            self.skipTest(f"this kernel has no {module}")
        self.addCleanup(subprocess.run, [MODPROBE, "-r", module], check=False)

    def make_monitor(self, kind):
        self.load("mac80211_hwsim", "radios=2")
        names = sorted(os.path.basename(path) for path in glob.glob("/sys/class/ieee80211/phy*"))
        for phy, side in zip(names, self.sides(), strict=True):
            subprocess.run(["iw", "phy", phy, "set", "netns", "name", side.space.name], check=True)
            side.space.run("iw", "phy", phy, "interface", "add", "t0", "type", "monitor")
            side.space.ip("link", "set", "t0", "up")
            side.space.run("iw", "dev", "t0", "set", "freq", "2412")

    def make_wpan(self, kind):
        self.load("mac802154_hwsim")
        for device, side in zip(sorted(glob.glob("/sys/class/net/wpan*")), self.sides(), strict=True):
            phy = os.path.basename(os.path.realpath(f"{device}/device"))
            subprocess.run(["iwpan", "phy", phy, "set", "netns", "name", side.space.name], check=True)
            side.space.ip("link", "set", os.path.basename(device), "name", "t0")
            side.space.run("iwpan", "dev", "t0", "set", "pan_id", "0xbeef")

    def set_up_bridge(self):
        self.join()

    set_up_bond = set_up_bridge

    def set_up_ipvlan_l3(self):
        """Packets leave through the device below, by its own routes. (Those of IPv6 would lead back to t0.)"""
        for side, there, mac in zip(self.sides(), (FAR4, NEAR4), (net.FAR_MAC, net.NEAR_MAC)):
            side.space.ip("route", "add", "10.77.0.0/24", "dev", side.device, "metric", "5000")
            side.space.ip("neigh", "replace", there, "lladdr", mac, "dev", side.device, "nud", "permanent")

    set_up_ipvlan_l3s = set_up_ipvlan_l3

    def encrypt(self, families, *selector):
        """States and policies, one for each direction and family of what is carried."""
        for side in self.sides():
            here, there = (side.here4, side.there4) if families == "4" else (side.here6, side.there6)
            for direction, source, to in (("out", here, there), ("in", there, here)):
                spi = "0x1001" if (direction == "out") == (side.device == "near") else "0x1002"
                state = ["if_id", "7"] if "if_id" in selector else []
                side.space.ip("xfrm", "state", "add", "src", source, "dst", to, "proto", "esp", "spi", spi, "mode",
                              "tunnel", "flag", "af-unspec", "aead", "rfc4106(gcm(aes))", "0x" + "11" * 20, "128", *state)
                for everything in ("0.0.0.0/0", "::/0"):
                    side.space.ip("xfrm", "policy", "add", "src", everything, "dst", everything, "dir", direction,
                                  *selector, "tmpl", "src", source, "dst", to, "proto", "esp", "mode", "tunnel")

    def set_up_vti(self):
        self.encrypt("4", "mark", "7")

    def set_up_vti6(self):
        self.encrypt("6", "mark", "7")

    def set_up_xfrm(self):
        self.encrypt("4", "if_id", "7")

    def set_up_wireguard(self):
        try:
            secrets = [subprocess.check_output(["wg", "genkey"]) for _ in range(2)]
        except FileNotFoundError:
            self.skipTest("this machine has no wg")
        publics = [subprocess.check_output(["wg", "pubkey"], input=s).decode().strip() for s in secrets]
        for number, side in enumerate(self.sides()):
            key = self.path(f"key{number}")
            with open(key, "wb") as file:
                file.write(secrets[number])
            side.space.run("wg", "set", "t0", "listen-port", "5555", "private-key", key, "peer",
                           publics[1 - number], "endpoint", f"{side.there4}:5555", "allowed-ips",
                           "0.0.0.0/0,::/0")
