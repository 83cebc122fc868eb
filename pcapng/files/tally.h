/* SPDX-License-Identifier: MIT */
/*
 * tally.h - counts the packets of each interface that are completely in the files
 *
 * Packets are counted as they are added. When the files have everything up to some packet, the numbers
 * of that moment are committed. A write may fail at any byte: then the packets between the last such
 * moment and the end of the file are counted in the file itself.
 */
#ifndef PCAPNG_FILES_TALLY_H
#define PCAPNG_FILES_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tally {			     /* all zero: no interfaces */
	uint64_t *added, *committed; /* packets of each interface */
	uint32_t n;
	uint64_t before; /* committed in the files before this one */
	uint64_t synced; /* of all interfaces: those that are on the disk for certain */
};

void tally_done(struct tally *t);

/* Another interface, with the next id. 0 or -ENOMEM. */
int tally_add_interface(struct tally *t);

/* `n` packets of this interface were added. */
static inline void tally_add(struct tally *t, uint32_t interface, size_t n)
{
	if (interface < t->n)
		t->added[interface] += n;
}

/* The files have the packets in counts[n], those of a moment; NULL: all that were added. */
void tally_commit(struct tally *t, const uint64_t *counts, uint32_t n);

/* Adds those that follow byte `from` of a file. 0 or -errno: it cannot be read. */
int tally_commit_rest(struct tally *t, int fd, uint64_t from);

/* What is committed is on the disk. */
void tally_note_sync(struct tally *t);

/* The next commit is of another file. */
void tally_begin_file(struct tally *t);

/* The packets of all interfaces that are completely in the present file. */
uint64_t tally_in_file(const struct tally *t);

/* The packets of this interface that are completely in the files. */
static inline uint64_t tally_committed(const struct tally *t, uint32_t interface)
{
	return interface < t->n ? t->committed[interface] : 0;
}

#endif /* PCAPNG_FILES_TALLY_H */
