/* SPDX-License-Identifier: MIT */
/* Tells when the list of links changes, without saying how: link.h lists them again. */
#ifndef XDPTAP_EXTCAP_NET_LINK_WATCH_H
#define XDPTAP_EXTCAP_NET_LINK_WATCH_H

#include <stdbool.h>

/* Returns a descriptor that becomes readable when a link is added, changed or deleted; -1 with errno. */
int link_watch_open(void);
/* Drains the descriptor. Returns true if a link changed, or if messages were lost. */
bool link_watch_read(int fd);

#endif
