# SPDX-License-Identifier: MIT
"""The kernel's Open vSwitch without its daemon [include/uapi/linux/openvswitch.h]."""
import struct

from netlink import NLA_F_NESTED, attribute, request, text

NETLINK_GENERIC, GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 16, 3  # include/uapi/linux/genetlink.h
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NEW = 1  # a data path, a port, or a flow
DP_NAME, DP_UPCALL_PID = 1, 2
VPORT_PORT_NO, VPORT_TYPE, VPORT_NAME, VPORT_UPCALL_PID = 1, 2, 3, 5
VPORT_TYPE_NETDEV = 1
FLOW_KEY, FLOW_ACTIONS = 1, 2
KEY_IN_PORT, KEY_ETHERNET, KEY_ETHERTYPE = 3, 4, 6
NOBODY = struct.pack("=I", 0)  # gets what no flow matches


def family(name):
    """The number of a generic netlink family."""
    answer = request(GENL_ID_CTRL, 0, struct.pack("=BBxx", CTRL_CMD_GETFAMILY, 1) +
                     attribute(CTRL_ATTR_FAMILY_NAME, text(name)), NETLINK_GENERIC)
    at = 20  # behind both headers
    while struct.unpack_from("=H", answer, at + 2) != (CTRL_ATTR_FAMILY_ID,):
        at += struct.unpack_from("=H", answer, at)[0] + 3 & ~3
    return struct.unpack_from("=H", answer, at + 4)[0]


def make(what, version, path, *attributes):
    request(family(what), 0, struct.pack("=BBxxi", NEW, version, path) + b"".join(attributes), NETLINK_GENERIC)


def drop_all_like(space, interface, frame):
    """Makes a data path in this namespace, with the interface as port 1, whose only flow drops frames like this one."""
    space.inside(lambda: make("ovs_datapath", 2, 0, attribute(DP_NAME, text("path")),
                              attribute(DP_UPCALL_PID, NOBODY)))
    path = space.link("path")["ifindex"]
    key = (attribute(KEY_IN_PORT, struct.pack("=I", 1)), attribute(KEY_ETHERNET, frame[6:12] + frame[:6]),
           attribute(KEY_ETHERTYPE, frame[12:14]))
    space.inside(lambda: make("ovs_vport", 1, path, attribute(VPORT_PORT_NO, struct.pack("=I", 1)),
                              attribute(VPORT_TYPE, struct.pack("=I", VPORT_TYPE_NETDEV)),
                              attribute(VPORT_NAME, text(interface)), attribute(VPORT_UPCALL_PID, NOBODY)))
    space.inside(lambda: make("ovs_flow", 1, path, attribute(FLOW_KEY | NLA_F_NESTED, *key),
                              attribute(FLOW_ACTIONS | NLA_F_NESTED)))
