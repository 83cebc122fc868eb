/* SPDX-License-Identifier: MIT */
/*
 * A ring of entries in the order of the stream. It holds no more than the output's backlog: entries
 * leave it as soon as the output has their bytes.
 */
#include "extcap/sink/ledger.h"

#define SIZE_MIN 1024 /* entries; a power of two, as every size */

void ledger_done(struct ledger *l)
{
	g_free(l->entries);
	g_free(l->counts);
	*l = (struct ledger){ 0 };
}

static struct ledger_entry *entry(const struct ledger *l, size_t n)
{
	return &l->entries[(l->first + n) & (l->size - 1)];
}

static void grow(struct ledger *l)
{
	struct ledger old = *l;

	l->size = old.size ? 2 * old.size : SIZE_MIN;
	l->entries = g_new(struct ledger_entry, l->size);
	l->first = 0;
	for (size_t i = 0; i < old.n; i++)
		l->entries[i] = *entry(&old, i);
	g_free(old.entries);
}

void ledger_add(struct ledger *l, uint32_t interface, uint64_t end, uint64_t committed)
{
	if (l->n == l->size)
		ledger_commit(l, committed);
	if (l->n == l->size)
		grow(l);
	l->n++;
	*entry(l, l->n - 1) = (struct ledger_entry){ end, interface };
}

static void count(struct ledger *l, uint32_t interface)
{
	if (interface == LEDGER_NO_PACKET)
		return;
	if (interface >= l->n_counts) {
		l->counts = g_renew(uint64_t, l->counts, interface + 1);
		while (l->n_counts <= interface)
			l->counts[l->n_counts++] = 0;
	}
	l->counts[interface]++;
}

void ledger_commit(struct ledger *l, uint64_t committed)
{
	while (l->n && entry(l, 0)->end <= committed) {
		count(l, entry(l, 0)->interface);
		l->end = entry(l, 0)->end;
		l->first++;
		l->n--;
	}
}

uint64_t ledger_count(const struct ledger *l, uint32_t interface)
{
	return interface < l->n_counts ? l->counts[interface] : 0;
}
