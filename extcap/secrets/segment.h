/* SPDX-License-Identifier: MIT */
/* The TCP segment in a captured frame. */
#ifndef XDPTAP_EXTCAP_SECRETS_SEGMENT_H
#define XDPTAP_EXTCAP_SECRETS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extcap/net/flow.h"

#define SEGMENT_FIN 0x01
#define SEGMENT_RST 0x04

struct segment {
	struct flow_end from, to;
	uint8_t flags;
	const uint8_t *data; /* what was captured of the payload; points into the frame */
	size_t len;
};

/*
 * Finds it in a frame of this link type (Ethernet, with up to two VLAN tags, or raw IP). False: there is
 * none, or only a part that says nothing. The bytes are not trusted.
 */
bool segment_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct segment *ret);

#endif
