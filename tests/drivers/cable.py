# SPDX-License-Identifier: MIT
"""Two NICs of one kind, connected with each other, in place of a veth pair."""
import json
import os
import subprocess

import net
from harness import wait_until

NICS = os.environ.get("XDPTAP_TESTS_NICS", "").split()  # as kernels/boot got them
MODULES = ("virtio_net", "vmxnet3", "e1000", "e1000e", "8139cp")


def addresses(number):
    return [f"52:54:00:00:{number:02x}:{end:02x}" for end in (1, 2)]


def load_drivers():
    for module in MODULES:
        subprocess.run(["/run/modprobe", module], check=True)


def find(address):
    """The name of a NIC that is in no namespace of ours, by the address that it was made with."""
    for link in json.loads(net.ip("-j", "-d", "link", "show")):
        if link.get("permaddr", link.get("address")) == address:
            return link["ifname"]
    return None


class Cable(net.Pair):
    """The NICs keep their addresses: those of net.py, which frames have, are nobody's here."""

    def __init__(self, number, mtu=1500):
        self.number = number
        super().__init__(mtu)

    def ends(self):
        own, peer = addresses(self.number)
        return (self.near, "near", own, peer, net.FAR_IP), (self.far, "far", peer, own, net.NEAR_IP)

    def connect(self):
        for namespace, name, made, other, ip in self.ends():
            found = wait_until(lambda made=made: find(made), f"a NIC {made}")
            net.ip("link", "set", found, "down")
            net.ip("link", "set", found, "name", f"moved{self.number}")
            net.ip("link", "set", f"moved{self.number}", "netns", namespace.name)
            own = net.NEAR_IP if name == "near" else net.FAR_IP
            net.ip_batch(namespace, "link set lo up", f"link set moved{self.number} name {name} mtu {self.mtu}",
                         f"addr add {own}/24 dev {name}", f"link set {name} up",
                         f"neigh add {ip} lladdr {other} dev {name} nud permanent")
        for namespace, name, _, _, _ in self.ends():
            wait_until(lambda n=namespace, i=name: n.link(i)["operstate"] == "UP", f"the carrier of {name}")
        wait_until(self.is_answered, "an answer from the other end")  # a NIC may lose what comes right after its link

    def is_answered(self):
        command = ["ip", "netns", "exec", self.far.name, "ping", "-q", "-c", "3", "-i", "0.02", "-W", "1", net.NEAR_IP]
        return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0  # any of them

    def __exit__(self, *_):
        for namespace, name, made, _, _ in self.ends():
            suffix = made.replace(":", "")[-4:]
            subprocess.run(["ip", "-n", namespace.name, "link", "set", name, "down"], stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "-n", namespace.name, "link", "set", name, "mtu", "1500", "netns", "1",
                            "name", f"nic{suffix}"], stderr=subprocess.DEVNULL)
        super().__exit__()

    def merge(self):
        """Turns on LRO and hardware GRO, where the driver lets us."""
        for offload in "lro", "rx-gro-hw":
            subprocess.run(["ip", "netns", "exec", self.near.name, "ethtool", "-K", "near", offload, "on"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def offloads(self, name="near"):
        """{"rx-vlan-offload": "on", …} as ethtool prints them."""
        namespace = self.near if name == "near" else self.far
        lines = namespace.run("ethtool", "-k", name).splitlines()[1:]
        return dict(line.strip().split(": ", 1) for line in lines if ": " in line)

    def carrier_changes(self, name="near"):
        namespace = self.near if name == "near" else self.far
        return int(namespace.run("cat", f"/sys/class/net/{name}/carrier_changes"))

    def driver(self):
        text = self.near.run("ethtool", "-i", "near")
        return text.split("driver: ", 1)[1].split("\n", 1)[0]
