/* SPDX-License-Identifier: MIT */
/*
 * tally.c - counts the packets of each interface that are completely in the files
 *
 * A queue of entries in file order. It is as long as the writer's backlog: entries leave it once the
 * file has their bytes, usually all of them at once, which needs no look at each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/files/tally.h"

#define MIN_ENTRIES 1024

void tally_done(struct tally *t)
{
	free(t->entries);
	free(t->counts);
	*t = (struct tally){ 0 };
}

static void commit_all(struct tally *t)
{
	for (uint32_t i = 0; i < t->n_counts; i++)
		t->counts[i].committed = t->counts[i].added;
	t->first = t->n = 0;
}

void tally_commit(struct tally *t, uint64_t bytes)
{
	if (t->n && t->entries[t->first + t->n - 1].end <= bytes)
		commit_all(t);
	for (; t->n && t->entries[t->first].end <= bytes; t->first++, t->n--)
		t->counts[t->entries[t->first].interface].committed++;
}

static int add_counts(struct tally *t, uint32_t interface)
{
	struct tally_count *counts;

	if (interface < t->n_counts)
		return 0;
	counts = reallocarray(t->counts, (size_t)interface + 1, sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	memset(counts + t->n_counts, 0, ((size_t)interface + 1 - t->n_counts) * sizeof(*counts));
	t->counts = counts;
	t->n_counts = interface + 1;
	return 0;
}

int tally_make_room(struct tally *t, uint32_t interface, uint64_t bytes)
{
	size_t size = t->size ? 2 * t->size : MIN_ENTRIES;
	struct tally_entry *entries;
	int r = add_counts(t, interface);

	if (r < 0 || t->first + t->n < t->size)
		return r;
	tally_commit(t, bytes);
	if (t->first)
		memmove(t->entries, t->entries + t->first, t->n * sizeof(*t->entries));
	t->first = 0;
	if (t->size && t->n <= t->size / 2)
		return 0;
	entries = reallocarray(t->entries, size, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	t->entries = entries;
	t->size = size;
	return 0;
}

uint64_t tally_committed(const struct tally *t, uint32_t interface)
{
	return interface < t->n_counts ? t->counts[interface].committed : 0;
}
