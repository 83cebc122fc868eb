/* SPDX-License-Identifier: MIT */
/* What an interface's driver says of it, for people who choose where to capture. */
#ifndef XDPTAP_EXTCAP_NET_ETHTOOL_H
#define XDPTAP_EXTCAP_NET_ETHTOOL_H

#include <stdbool.h>

#include "extcap/net/link.h"

enum ethtool_xdp {
	ETHTOOL_XDP_UNKNOWN, /* Linux tells since 6.3 */
	ETHTOOL_XDP_NATIVE,  /* the driver runs XDP programs */
	ETHTOOL_XDP_GENERIC, /* it does not, the kernel does */
};

struct ethtool {
	unsigned int queues; /* for receiving; 0: unknown */
	bool hides_tags;     /* takes the VLAN tag out of received frames */
	bool hides_times; /* does not tell XDP programs when a frame came; Linux says so since 6.8 */
	enum ethtool_xdp xdp;
};

void ethtool_read(const struct link *i, struct ethtool *ret);

#endif
