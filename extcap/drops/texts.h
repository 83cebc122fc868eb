/* SPDX-License-Identifier: MIT */
/* What the comment of a dropped packet says: "NO_SOCKET in __udp4_lib_rcv". */
#ifndef XDPTAP_EXTCAP_DROPS_TEXTS_H
#define XDPTAP_EXTCAP_DROPS_TEXTS_H

#include <glib.h>
#include <stdint.h>

/* Each text is made once: a flood of drops has few places where they happen. */
GHashTable *texts_new(void);
/* Owned by the table. */
const char *texts_find(GHashTable *texts, uint32_t reason, uint64_t location);

#endif
