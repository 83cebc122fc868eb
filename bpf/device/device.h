/* SPDX-License-Identifier: MIT */
/* What a network device is, and what its frames look like. Requires no privilege. */
#ifndef XDPTAP_BPF_DEVICE_DEVICE_H
#define XDPTAP_BPF_DEVICE_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/point.h"

/* [pcaplinktype] */
enum device_linktype {
	DEVICE_ETHERNET = 1,
	DEVICE_RAW = 101,	/* begins with an IPv4 or IPv6 header */
	DEVICE_LINUX_SLL = 113, /* libpcap's cooked header precedes the network header */
	DEVICE_CAN = 227,	/* begins with a CAN identifier, in network order */
	DEVICE_NETLINK = 253,	/* as DEVICE_LINUX_SLL */
};

struct device {
	unsigned int index;
	unsigned int type; /* ARPHRD_ */
	char name[IF_NAMESIZE];
	char parent[32]; /* what its bus calls it: "virtio0"; empty: none, or before Linux 5.14 */
	bool is_vrf;
	bool is_bond;
	bool has_kind; /* its driver has a name for it, as "veth" or "bridge": usually no hardware */
	bool has_features;    /* the kernel tells what its driver can do: Linux 6.3 or later */
	bool has_native_xdp;  /* then: XDP in native mode */
	bool hides_nic_times; /* then: XDP programs get no time stamps of the NIC */
};

/* Finds a device by its name or alternative name, or, without a name, by its index. 0; -ENODEV; or -errno. */
int device_find(const char *name, unsigned int index, struct device *ret);
/* Fills in what its driver can do, as far as the kernel tells. */
void device_read_features(struct device *d);
/*
 * The linktype that libpcap has for devices of this type (ARPHRD_); -1: their frames are not those of a
 * socket buffer, or nobody has tried.
 */
int device_linktype(unsigned int type);
/* Issues a netdevice(7) ioctl with data that the kernel reads and fills. Returns whether it succeeded. */
bool device_ioctl(const char *name, unsigned long request, void *data);
/* How frames of a linktype begin. */
enum tap_begin device_begin(int linktype);

#endif
