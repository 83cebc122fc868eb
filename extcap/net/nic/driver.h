/* SPDX-License-Identifier: MIT */
/*
 * What attaching an XDP program does to the traffic of a device: most NICs stop and set up their queues
 * again, and some take their link down meanwhile. A tap must not.
 */
#ifndef XDPTAP_EXTCAP_NET_NIC_DRIVER_H
#define XDPTAP_EXTCAP_NET_NIC_DRIVER_H

#include <stdbool.h>

#include "extcap/net/link.h"

struct driver {
	char name[32]; /* as ethtool has it; empty: unknown */
	/*
	 * What native mode would do to the traffic, as a predicate: "takes its link down"; NULL: nothing,
	 * or nothing that is known.
	 */
	const char *cost;
	bool has_native; /* false: it has no native mode, or one that sees no frame */
	bool hides_tags; /* programs in generic mode do not see the VLAN tags of received frames */
	bool loses_merges; /* generic mode would turn off LRO or hardware GRO */
};

/* Asks the kernel and its drivers; requires no privilege. */
void driver_read(const struct link *i, struct driver *ret);

#endif
