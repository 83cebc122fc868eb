/* SPDX-License-Identifier: MIT */
/* What an interface's driver says of it, for people who choose where to capture. */
#ifndef XDPTAP_EXTCAP_DEVICE_H
#define XDPTAP_EXTCAP_DEVICE_H

#include <stdbool.h>

#include "extcap/iface.h"

enum device_xdp {
	DEVICE_XDP_UNKNOWN, /* Linux tells since 6.3 */
	DEVICE_XDP_NATIVE,  /* the driver runs XDP programs */
	DEVICE_XDP_GENERIC, /* it does not, the kernel does */
};

struct device {
	unsigned int queues; /* for receiving; 0: unknown */
	bool hides_tags;     /* takes the VLAN tag out of received frames */
	bool hides_times; /* does not tell XDP programs when a frame came; Linux says so since 6.8 */
	enum device_xdp xdp;
};

void device_read(const struct iface *i, struct device *ret);

#endif
