/* SPDX-License-Identifier: MIT */
/* tally.c - counts the packets of each interface that are completely in the files */
#include <errno.h>
#include <stdlib.h>

#include "pcapng/file/recover.h"
#include "pcapng/files/tally.h"

void tally_done(struct tally *t)
{
	free(t->added);
	free(t->committed);
	*t = (struct tally){ 0 };
}

static int grow(uint64_t **counts, uint32_t n)
{
	uint64_t *larger = reallocarray(*counts, (size_t)n + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	larger[n] = 0;
	*counts = larger;
	return 0;
}

int tally_add_interface(struct tally *t)
{
	int r = grow(&t->added, t->n);

	if (r == 0)
		r = grow(&t->committed, t->n);
	t->n += r == 0;
	return r;
}

void tally_commit(struct tally *t, const uint64_t *counts, uint32_t n)
{
	if (!counts) {
		counts = t->added;
		n = t->n;
	}
	if (n)
		memcpy(t->committed, counts, n * sizeof(*counts));
}

static uint64_t sum(const struct tally *t)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		n += t->committed[i];
	return n;
}

void tally_note_sync(struct tally *t)
{
	t->synced = sum(t);
}

void tally_begin_file(struct tally *t)
{
	t->before = sum(t);
}

uint64_t tally_in_file(const struct tally *t)
{
	return sum(t) - t->before;
}

static void on_packet(void *user, uint32_t interface)
{
	struct tally *t = user;

	if (interface < t->n)
		t->committed[interface]++;
}

int tally_commit_rest(struct tally *t, int fd, uint64_t from)
{
	return recover_packets(fd, from, on_packet, t);
}
