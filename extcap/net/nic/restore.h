/* SPDX-License-Identifier: MIT */
/*
 * Turns on again what was turned off because of an XDP program: see bpf/device/offloads.h. In generic mode, LRO is
 * also turned off on all devices below.
 */
#ifndef XDPTAP_EXTCAP_NET_NIC_RESTORE_H
#define XDPTAP_EXTCAP_NET_NIC_RESTORE_H

#include "extcap/net/link.h"

/* Which offloads are on, of a device and of those that it is stacked on. */
GArray *restore_note(const struct link *i);
/*
 * Has those that are off now turned on again after restore_finish(), or when this process ends, in whichever
 * way. That is done by a child process for each device, which has CAP_NET_ADMIN and nothing else. Call it
 * before privileges are dropped.
 */
void restore_later(const GArray *noted);
/* The programs are detached: returns when it is done, or after a second. */
void restore_finish(void);

#endif
