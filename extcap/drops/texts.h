/* SPDX-License-Identifier: MIT */
/*
 * What the comment of a dropped packet says: "NO_SOCKET in __udp4_lib_rcv", or "NETFILTER_DROP in nf_hook_slow,
 * called by ip_forward" or "… in nft_do_chain, called by nft_do_chain_ipv4, nf_hook_slow, ip_forward".
 */
#ifndef XDPTAP_EXTCAP_DROPS_TEXTS_H
#define XDPTAP_EXTCAP_DROPS_TEXTS_H

#include <glib.h>

struct tap_frame;

/* Each text is made once: a flood of drops has few places where they happen. */
GHashTable *texts_new(void);
/* Owned by the table. */
const char *texts_find(GHashTable *texts, const struct tap_frame *f);

#endif
