/* SPDX-License-Identifier: MIT */
/* From the type of a device to the linktype of its frames. */
#include <net/if_arp.h>
#include <stddef.h>

#include "bpf/device/device.h"

/* Not in glibc's header; kernel: include/uapi/linux/if_arp.h */
#ifndef ARPHRD_NETLINK
#define ARPHRD_NETLINK 824
#endif
#ifndef ARPHRD_VSOCKMON
#define ARPHRD_VSOCKMON 826
#endif

/* The device types that libpcap knows, and the linktypes that it has for them. 0: no use to a capture. */
static const struct {
	unsigned int type;
	int linktype;
} linktypes[] = {
	{ ARPHRD_ETHER, DEVICE_ETHERNET },
	{ ARPHRD_LOOPBACK, DEVICE_ETHERNET },
	{ ARPHRD_NONE, DEVICE_RAW },   /* tun, WireGuard, xfrm */
	{ ARPHRD_TUNNEL, DEVICE_RAW }, /* ipip, vti */
	{ ARPHRD_SIT, DEVICE_RAW },
	{ ARPHRD_SLIP, DEVICE_RAW },
	{ ARPHRD_CSLIP, DEVICE_RAW },
	{ ARPHRD_SLIP6, DEVICE_RAW },
	{ ARPHRD_CSLIP6, DEVICE_RAW },
	{ ARPHRD_ADAPT, DEVICE_RAW },
	{ ARPHRD_NETLINK, DEVICE_NETLINK },
	{ ARPHRD_CAN, DEVICE_CAN },
	{ ARPHRD_IEEE80211, 105 },
	{ ARPHRD_IEEE80211_PRISM, 119 },
	{ ARPHRD_IEEE80211_RADIOTAP, 127 },
	{ ARPHRD_IEEE802154, 230 }, /* LINKTYPE_IEEE802_15_4_NOFCS */
	{ ARPHRD_VSOCKMON, 271 },
	{ ARPHRD_EETHER, 0 },
	{ ARPHRD_AX25, 0 },
	{ ARPHRD_PRONET, 0 },
	{ ARPHRD_CHAOS, 0 },
	{ ARPHRD_IEEE802, 0 },
	{ ARPHRD_ARCNET, 0 },
	{ ARPHRD_ATM, 0 },
	{ ARPHRD_DLCI, 0 },
	{ ARPHRD_CISCO, 0 },
	{ ARPHRD_RAWHDLC, 0 },
	{ ARPHRD_FRAD, 0 },
	{ ARPHRD_FDDI, 0 },
	{ ARPHRD_LOCALTLK, 0 },
	{ ARPHRD_IRDA, 0 },
	{ ARPHRD_FCPP, 0 },
	{ ARPHRD_FCAL, 0 },
	{ ARPHRD_FCPL, 0 },
	{ ARPHRD_FCFABRIC, 0 },
	{ ARPHRD_IEEE802_TR, 0 },
};

/* Others (gre, ip6tnl, ppp, IPoIB) are new to it, or it finds their headers unusable: cooked. */
int device_linktype(unsigned int type)
{
	for (size_t n = 0; n < sizeof(linktypes) / sizeof(*linktypes); n++)
		if (linktypes[n].type == type)
			return linktypes[n].linktype ? linktypes[n].linktype : -1;
	return DEVICE_LINUX_SLL;
}

enum tap_begin device_begin(int linktype)
{
	switch (linktype) {
	case DEVICE_ETHERNET: return TAP_ETHERNET;
	case DEVICE_RAW: return TAP_NETWORK;
	case DEVICE_LINUX_SLL:
	case DEVICE_NETLINK: return TAP_COOKED;
	case DEVICE_CAN: return TAP_CAN;
	default: return TAP_OTHER;
	}
}
