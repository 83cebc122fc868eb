/* SPDX-License-Identifier: MIT */
/*
 * tally.h - counts the packets of each interface that are completely in the files
 *
 * A write may fail at any byte. The tally knows where in the file each packet ends, so it counts
 * exactly those that got there.
 */
#ifndef PCAPNG_FILES_TALLY_H
#define PCAPNG_FILES_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally_entry {
	uint64_t end; /* bytes from the start of the file */
	uint32_t interface;
};

struct tally_count {
	uint64_t added, committed; /* packets of one interface */
};

struct tally {			     /* all zero: empty */
	struct tally_entry *entries; /* not committed, in order: n of them from `first` */
	size_t size, first, n;
	struct tally_count *counts;
	uint32_t n_counts;
};

void tally_done(struct tally *t);

/* The file has the first `bytes` bytes. */
void tally_commit(struct tally *t, uint64_t bytes);

/* Makes room for tally_add(): commits, and grows if that is not enough. 0 or -ENOMEM. */
int tally_make_room(struct tally *t, uint32_t interface, uint64_t bytes);

/* The packets of this interface that are completely in the files. */
uint64_t tally_committed(const struct tally *t, uint32_t interface);

/* 0 or -ENOMEM: as tally_make_room(), cheap if there is room. */
static inline int tally_reserve(struct tally *t, uint32_t interface, uint64_t bytes)
{
	return t->first + t->n < t->size && interface < t->n_counts
		       ? 0
		       : tally_make_room(t, interface, bytes);
}

/* A packet ends at `end`. There is room. */
static inline void tally_add(struct tally *t, uint32_t interface, uint64_t end)
{
	t->entries[t->first + t->n++] = (struct tally_entry){ end, interface };
	t->counts[interface].added++;
}

#endif /* PCAPNG_FILES_TALLY_H */
