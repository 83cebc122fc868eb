/* SPDX-License-Identifier: MIT */
/* The two ends of a packet, whichever way it goes. */
#ifndef XDPTAP_EXTCAP_NET_FLOW_H
#define XDPTAP_EXTCAP_NET_FLOW_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv4 address is the first four bytes of 16, then zeros. */
struct flow_end {
	uint8_t address[16];
	uint8_t port[2]; /* 0: the protocol has none, or this is a later fragment */
};

/* Without padding: the bytes are compared and hashed. */
struct flow {
	struct flow_end ends[2]; /* in the order of their bytes */
	uint8_t protocol;
	uint8_t has_ports;
};

/* Sorts its ends. True: they changed places. */
bool flow_sort(struct flow *f);
/* Of all its bytes; for tables. */
guint flow_hash(gconstpointer flow);
gboolean flow_is_equal(gconstpointer a, gconstpointer b);
/* False: it is no IP packet, or too little of it is there. The frame is not trusted. */
bool flow_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct flow *ret);

#endif
