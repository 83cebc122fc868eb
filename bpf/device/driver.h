/* SPDX-License-Identifier: MIT */
/*
 * What attaching an XDP program does to the traffic of a device: most NICs stop and set up their queues
 * again, and some take their link down meanwhile. A tap must not. And how a capture avoids that: with
 * --mode auto and XDPTAP_MODE_AUTO, this file decides where it begins.
 */
#ifndef XDPTAP_BPF_DEVICE_DRIVER_H
#define XDPTAP_BPF_DEVICE_DRIVER_H

#include <stdbool.h>

#include "bpf/device/device.h"
#include "bpf/tap.h"

struct driver {
	char name[32]; /* as ethtool has it; empty: unknown */
	/*
	 * What native mode would do to the traffic, as a predicate: "takes its link down"; NULL: nothing,
	 * or nothing that is known.
	 */
	const char *cost;
	bool has_native; /* false: it has no native mode, or one that sees no frame or, as a bond, too many */
	bool hides_tags; /* programs in generic mode do not see the VLAN tags of received frames */
	bool loses_merges; /* generic mode would turn off LRO or hardware GRO */
};

/* Asks the kernel and its drivers about a device of device_find(); requires no privilege. */
void driver_read(const struct device *device, struct driver *ret);

/* The way of mode AUTO, in steps. First: whether native mode leaves the traffic alone, so that it is tried. */
bool driver_allows_native(const struct driver *d);
/* If it was: whether another way may work, after tap_attach() has returned this. */
bool driver_may_try_again(int r);
/* Then: generic mode; or tc, if the caller may leave XDP and generic mode would lose something. */
void driver_avoid_native(const struct driver *d, bool may_use_tc, struct tap_target *target);

#endif
