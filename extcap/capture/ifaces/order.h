/* SPDX-License-Identifier: MIT */
/* In which order programs attach to many interfaces. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_ORDER_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_ORDER_H

#include <glib.h>

/*
 * Sorts links (struct link): a port before its bridge or bond, and what a VLAN is stacked on before the VLAN.
 * While the upper one of two has an XDP program, the kernel lets the lower one have none. Otherwise the order
 * stays.
 */
void order_links(GPtrArray *links);

#endif
