/* SPDX-License-Identifier: MIT */
/*
 * LRO and hardware GRO, which the kernel or a driver turns off for an XDP program, and leaves off when the
 * program is gone.
 */
#ifndef XDPTAP_EXTCAP_NET_NIC_OFFLOADS_H
#define XDPTAP_EXTCAP_NET_NIC_OFFLOADS_H

#include "extcap/net/link.h"

enum {
	OFFLOADS_LRO = 1 << 0,
	OFFLOADS_GRO_HW = 1 << 1,
};

/* Which of them are on: OFFLOADS_ bits. */
unsigned int offloads_read(const struct link *i);
/* Turns them on; requires CAP_NET_ADMIN. Returns which are on then. */
unsigned int offloads_enable(const struct link *i, unsigned int mask);
/*
 * Has these turned on again after offloads_release(), or when this process ends, in whichever way. That is
 * done by a child process, which has CAP_NET_ADMIN and nothing else. Call it before privileges are dropped.
 */
void offloads_restore_later(const struct link *i, unsigned int mask);
/* The programs are detached: returns when it is done, or after a second. */
void offloads_release(void);

#endif
