/* SPDX-License-Identifier: MIT */
/* Properties of an interface that its driver reports, for users who choose where to capture. */
#ifndef XDPTAP_EXTCAP_NET_NIC_ETHTOOL_H
#define XDPTAP_EXTCAP_NET_NIC_ETHTOOL_H

#include <stdbool.h>

#include "extcap/net/link.h"

enum ethtool_xdp {
	ETHTOOL_XDP_UNKNOWN, /* Linux reports it since 6.3 */
	ETHTOOL_XDP_NATIVE,  /* the driver runs XDP programs */
	ETHTOOL_XDP_GENERIC, /* the kernel runs them in its receive path */
};

struct ethtool {
	unsigned int queues; /* for receiving; 0: unknown */
	bool hides_tags;     /* strips VLAN tags from received frames */
	bool hides_times;    /* passes no time stamps to XDP programs; Linux reports it since 6.8 */
	enum ethtool_xdp xdp;
};

/* Reads all of them; what the driver does not report stays 0. */
void ethtool_read(const struct link *i, struct ethtool *ret);
/* "veth" or "ixgbe 5.1 (0000:01:00.0)"; NULL if the driver does not report it. */
char *ethtool_driver(const struct link *i);
/* bit/s; 0: unknown. */
uint64_t ethtool_speed_bps(const struct link *i);

#endif
