/* SPDX-License-Identifier: MIT */
/*
 * A queue of entries in the order of the stream. It holds no more than the output's backlog: entries
 * leave it as soon as the output has their bytes. Most often that is all of them at once, which takes
 * no look at each.
 */
#include <string.h>

#include "extcap/sink/ledger.h"

#define SIZE_MIN 1024 /* entries */

void ledger_done(struct ledger *l)
{
	g_free(l->entries);
	g_free(l->counts);
	*l = (struct ledger){ 0 };
}

static void commit_all(struct ledger *l)
{
	for (uint32_t i = 0; i < l->n_counts; i++)
		l->counts[i].committed = l->counts[i].added;
	l->end = l->entries[l->first + l->n - 1].end;
	l->first = l->n = 0;
}

void ledger_commit(struct ledger *l, uint64_t committed)
{
	if (l->n && l->entries[l->first + l->n - 1].end <= committed)
		commit_all(l);
	for (; l->n && l->entries[l->first].end <= committed; l->first++, l->n--) {
		const struct ledger_entry *e = &l->entries[l->first];

		if (e->interface != LEDGER_NO_PACKET)
			l->counts[e->interface].committed++;
		l->end = e->end;
	}
}

void ledger_make_room(struct ledger *l, uint32_t interface, uint64_t committed)
{
	if (interface != LEDGER_NO_PACKET && interface >= l->n_counts) {
		l->counts = g_renew(struct ledger_count, l->counts, interface + 1);
		while (l->n_counts <= interface)
			l->counts[l->n_counts++] = (struct ledger_count){ 0 };
	}
	if (l->first + l->n < l->size)
		return;
	ledger_commit(l, committed);
	if (l->first)
		memmove(l->entries, l->entries + l->first, l->n * sizeof(*l->entries));
	l->first = 0;
	if (l->n <= l->size / 2 && l->size)
		return;
	l->size = l->size ? 2 * l->size : SIZE_MIN;
	l->entries = g_renew(struct ledger_entry, l->entries, l->size);
}

uint64_t ledger_count(const struct ledger *l, uint32_t interface)
{
	return interface < l->n_counts ? l->counts[interface].committed : 0;
}
