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

struct ledger_count {
	uint64_t added, committed; /* packets of one interface */
};

struct ledger { /* all zero: empty */
	struct ledger_entry
		*entries; /* those not committed yet, in order: from first on, n of them */
	size_t size, first, n;
	struct ledger_count *counts;
	uint32_t n_counts;
	uint64_t end; /* where the last committed entry ends */
};

void ledger_done(struct ledger *l);
/* The output has this many bytes of the stream. */
void ledger_commit(struct ledger *l, uint64_t committed);
/* Makes room for an entry of this interface: commits, and grows if that is not enough. */
void ledger_make_room(struct ledger *l, uint32_t interface, uint64_t committed);
/* Packets of this interface that are completely in the output. */
uint64_t ledger_count(const struct ledger *l, uint32_t interface);

/* A packet of `interface` ends at `end` of the stream, of which the output has `committed` bytes. */
static inline void ledger_add(struct ledger *l, uint32_t interface, uint64_t end,
			      uint64_t committed)
{
	if (l->first + l->n == l->size || interface >= l->n_counts)
		ledger_make_room(l, interface, committed);
	l->entries[l->first + l->n++] = (struct ledger_entry){ end, interface };
	if (interface != LEDGER_NO_PACKET)
		l->counts[interface].added++;
}

#endif
