# SPDX-License-Identifier: MIT
"""Requests to the kernel that the ip of Debian 12 does not know yet."""
import os
import socket
import struct

RTM_NEWLINK, NLMSG_ERROR = 16, 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
NLA_F_NESTED = 0x8000
IFLA_IFNAME, IFLA_LINKINFO, IFLA_NET_NS_FD = 3, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_NETKIT_PEER_INFO, IFLA_NETKIT_MODE = 1, 5
NETKIT_MODES = {"l2": 0, "l3": 1}
NO_LINK = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)  # a struct ifinfomsg that says nothing


def attribute(kind, *values):
    """An attribute with bytes, or with other attributes."""
    data = b"".join(values)
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def text(value):
    return value.encode() + b"\0"


def request(message, flags, body, protocol=socket.NETLINK_ROUTE):
    """Sends a request, and returns what comes before it is acknowledged."""
    answers = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
        sock.bind((0, 0))
        sock.send(struct.pack("=IHHII", 16 + len(body), message, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body)
        while struct.unpack_from("=H", answer := sock.recv(65536), 4) != (NLMSG_ERROR,):
            answers += answer
    error, = struct.unpack_from("=i", answer, 16)
    if error:
        raise OSError(-error, os.strerror(-error))
    return answers


def add_netkit(space, name, mode, peer_space, peer):
    """Adds a pair of netkit devices with an end in each namespace."""
    with open(f"/run/netns/{peer_space.name}", encoding="ascii") as there:
        other = NO_LINK + attribute(IFLA_IFNAME, text(peer)) + attribute(
            IFLA_NET_NS_FD, struct.pack("=I", there.fileno()))
        data = attribute(IFLA_INFO_DATA | NLA_F_NESTED,
                         attribute(IFLA_NETKIT_MODE, struct.pack("=I", NETKIT_MODES[mode])),
                         attribute(IFLA_NETKIT_PEER_INFO | NLA_F_NESTED, other))
        body = NO_LINK + attribute(IFLA_IFNAME, text(name)) + attribute(
            IFLA_LINKINFO | NLA_F_NESTED, attribute(IFLA_INFO_KIND, text("netkit")), data)
        space.inside(lambda: request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body))
