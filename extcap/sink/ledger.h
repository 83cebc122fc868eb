/* SPDX-License-Identifier: MIT */
/*
 * Which packets are completely in an output. An output accepts any number of bytes, and fails at any
 * of them; the ledger knows where in the stream each packet ends, so it counts exactly those that got
 * there, and says where the last complete one ends.
 */
#ifndef XDPTAP_EXTCAP_SINK_LEDGER_H
#define XDPTAP_EXTCAP_SINK_LEDGER_H

#include <glib.h>
#include <stdint.h>

#define LEDGER_NO_PACKET UINT32_MAX /* a block or header that belongs to no interface */

struct ledger_entry {
	uint64_t end; /* bytes from the start of the stream */
	uint32_t interface;
};

struct ledger {			      /* all zero: empty */
	struct ledger_entry *entries; /* a ring: those that are not committed yet */
	size_t size, first, n;
	uint64_t *counts; /* committed packets of each interface */
	uint32_t n_counts;
	uint64_t end; /* where the last committed entry ends */
};

void ledger_done(struct ledger *l);
/* A packet of `interface` ends at `end` of the stream, of which the output has `committed` bytes. */
void ledger_add(struct ledger *l, uint32_t interface, uint64_t end, uint64_t committed);
/* The output has this many bytes of the stream. */
void ledger_commit(struct ledger *l, uint64_t committed);
/* Packets of this interface that are completely in the output. */
uint64_t ledger_count(const struct ledger *l, uint32_t interface);

#endif
