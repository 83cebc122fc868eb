/* SPDX-License-Identifier: MIT */
/* Tells when the list of links or their addresses change, without saying how: link.h lists the links again. */
#ifndef XDPTAP_EXTCAP_NET_LINK_WATCH_H
#define XDPTAP_EXTCAP_NET_LINK_WATCH_H

#include <stdbool.h>

enum {
	LINK_WATCH_LINKS = 1 << 0,
	LINK_WATCH_ADDRESSES = 1 << 1,
};

/*
 * Returns a descriptor that becomes readable when a link is added, changed or deleted, and, if they are to be watched,
 * when an address is; -1 with errno.
 */
int link_watch_open(bool with_addresses);
/* Drains the descriptor. Returns what has changed; if messages were lost, that may be anything. */
unsigned int link_watch_read(int fd);

#endif
