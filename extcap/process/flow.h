/* SPDX-License-Identifier: MIT */
/* The two ends of a packet, whichever way it goes. */
#ifndef XDPTAP_EXTCAP_PROCESS_FLOW_H
#define XDPTAP_EXTCAP_PROCESS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* False: it is no IP packet, or too little of it is there. The frame is not trusted. */
bool flow_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct flow *ret);

#endif
