/* SPDX-License-Identifier: MIT */
/* Reads the headers of a frame, which nobody has checked, one after another. */
#ifndef XDPTAP_EXTCAP_NET_CURSOR_H
#define XDPTAP_EXTCAP_NET_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the frame. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* The next n bytes, or NULL. */
const uint8_t *cursor_take(struct cursor *c, size_t n);
/* The number in two bytes, in network order. */
unsigned int cursor_get16(const uint8_t *at);
/* Moves on to the IP header. False: none follows, or the linktype is not one of IP. */
bool cursor_skip_link(struct cursor *c, uint16_t linktype);

#endif
