/* SPDX-License-Identifier: MIT */
/*
 * The network interfaces of the host. Requires no privilege.
 */
#ifndef XDPTAP_EXTCAP_NET_LINK_H
#define XDPTAP_EXTCAP_NET_LINK_H

#include <glib.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/device/device.h"

enum link_xdp { /* kernel: include/uapi/linux/if_link.h, XDP_ATTACHED_* */
		LINK_XDP_NONE,
		LINK_XDP_NATIVE,
		LINK_XDP_GENERIC,
		LINK_XDP_OFFLOADED,
};

#define LINK_ANY  "any"	      /* stands for all interfaces that are up */
#define LINK_NONE "no-device" /* what a packet without an interface is on; see link_new_none() */

/* [pcaplinktype] */
#define LINK_LINKTYPE_ETHERNET	1
#define LINK_LINKTYPE_RAW	101 /* begins with an IPv4 or IPv6 header */
#define LINK_LINKTYPE_LINUX_SLL 113 /* libpcap's cooked header precedes the network header */
#define LINK_LINKTYPE_CAN	227 /* begins with a CAN identifier, in network order */
#define LINK_LINKTYPE_NETLINK	253 /* as LINK_LINKTYPE_LINUX_SLL */

struct link {
	unsigned int index;
	char name[IF_NAMESIZE];
	GPtrArray *altnames; /* of char *: other names for it, as `ip link` shows; NULL: none */
	char *alias;	     /* set by the administrator; NULL: none */
	char *kind;	     /* "veth", "bridge"; NULL: usually hardware */
	char *parent; /* the bus's name for its device: "virtio0"; NULL: none, or before Linux 5.14 */
	bool is_up;   /* administratively */
	bool is_running;
	bool has_mac;
	uint8_t mac[6];
	unsigned int type;   /* ARPHRD_* */
	unsigned int master; /* index of its bridge or bond; 0: none */
	unsigned int lower;  /* index of what it is stacked on, as a VLAN is; 0: none here */
	uint32_t xdp_id;     /* ID of the attached XDP program; 0: none */
	enum link_xdp xdp;
};

void link_free(struct link *i);
static inline void link_freep(struct link **i)
{
	link_free(*i);
}
/* Returns all interfaces in the kernel's order, as struct link *; NULL if netlink fails. */
GPtrArray *link_list(GError **error);
/* Whether the interface has this name or alternative name. */
bool link_is_named(const struct link *i, const char *name);
/*
 * Returns the interface of that name or alternative name, or, where there is none, the one with that number in
 * link_list_usable(); NULL with *error if there is none either.
 */
struct link *link_find(const char *name, GError **error);
/* Like link_list(), but only those that can be captured on; -D numbers them from 1. */
GPtrArray *link_list_usable(GError **error);
/* Returns the interface of that index; NULL with *error if it has disappeared. */
struct link *link_find_index(unsigned int index, GError **error);
/* Stands for no interface: its index is 0, and its packets have no link-layer header. */
struct link *link_new_none(void);
/* Returns the linktype of captured frames, as libpcap has it; -1 if the interface cannot be captured on. */
int link_linktype(const struct link *i);
/* Whether frames have no Ethernet header, so that only tc captures them. */
bool link_is_headerless(const struct link *i);
/* Whether it is a VRF. Only packet sockets get to see its frames; XDP and tc see them on its ports. */
bool link_is_vrf(const struct link *i);
/* Whether it is a bond. The driver runs its native XDP program for each port, before it is the bond's frame. */
bool link_is_bond(const struct link *i);
/* The same in the terms of bpf/device/. */
struct device link_device(const struct link *i);

#endif
