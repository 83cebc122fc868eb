/* SPDX-License-Identifier: MIT */
/* Turns on again what was turned off because of an XDP program: see bpf/device/offloads.h. */
#ifndef XDPTAP_EXTCAP_NET_NIC_RESTORE_H
#define XDPTAP_EXTCAP_NET_NIC_RESTORE_H

#include "extcap/net/link.h"

/*
 * Has offloads turned on again after restore_finish(), or when this process ends, in whichever way. That is
 * done by a child process, which has CAP_NET_ADMIN and nothing else. Call it before privileges are dropped.
 */
void restore_later(const struct link *i, unsigned int mask);
/* The programs are detached: returns when it is done, or after a second. */
void restore_finish(void);

#endif
