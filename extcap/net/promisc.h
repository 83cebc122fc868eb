/* SPDX-License-Identifier: MIT */
/*
 * Promiscuous mode through memberships of a packet socket: the kernel counts them, and drops them when
 * the socket is closed, which includes the death of the process.
 */
#ifndef XDPTAP_EXTCAP_NET_PROMISC_H
#define XDPTAP_EXTCAP_NET_PROMISC_H

#include <stdbool.h>

/* Opens a socket for memberships, which receives nothing; close(2) ends them. -1 with errno (CAP_NET_RAW). */
int promisc_open(void);
/* Adds a membership; false with errno. */
bool promisc_add(int fd, unsigned int ifindex);

#endif
