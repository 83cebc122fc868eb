/* SPDX-License-Identifier: MIT */
/* chunk.c - a buffer of blocks on its way to disk, and the order that travels with it */
#include <stdlib.h>
#include <string.h>

#include "pcapng/files/chunk.h"

uint8_t *chunk_memory(size_t size)
{
	void *memory;

	return posix_memalign(&memory, FILE_ALIGN, size) == 0 ? memory : NULL;
}

struct chunk *chunk_new(const struct tally *tally, const struct spool_order *order)
{
	struct chunk *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->counts = calloc(tally->n ? tally->n : 1, sizeof(*c->counts));
	if (!c->counts) {
		free(c);
		return NULL;
	}
	if (tally->n)
		memcpy(c->counts, tally->added, tally->n * sizeof(*c->counts));
	c->n_counts = tally->n;
	c->order = *order;
	return c;
}

void chunk_free(struct chunk *c)
{
	if (!c)
		return;
	memory_done(&c->packed);
	free(c->counts);
	free(c->data);
	free(c);
}
