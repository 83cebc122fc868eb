/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - a buffer of blocks on its way to disk, and the order that travels with it
 *
 * data[start] to data[end] are new. What comes before `start` is the end of the chunk before it, as far
 * as that filled no sector: direct I/O begins with it.
 */
#ifndef PCAPNG_FILES_CHUNK_H
#define PCAPNG_FILES_CHUNK_H

#include "pcapng/files/spool.h"

/* One buffer: large enough for direct I/O, small enough for the cache of a processor. */
#define CHUNK_SIZE (1u << 20)

enum chunk_state {
	CHUNK_RAW,     /* may be compressed by any thread */
	CHUNK_PACKING, /* is being compressed */
	CHUNK_READY,   /* is compressed, or will be by the thread that writes */
};

struct chunk {
	struct chunk *next;
	uint8_t *data;
	size_t size; /* allocated */
	size_t start, end;
	uint64_t at;  /* of data[0] in the file */
	bool is_full; /* more follows at once: its last sector may wait */
	bool is_put;  /* its bytes are in the file */
	enum chunk_state state;
	int pack_error;
	struct memory packed;
	uint64_t *counts; /* packets of each interface up to its end */
	uint32_t n_counts;
	struct spool_order order;
};

/* Memory for CHUNK_SIZE bytes or any other number, aligned for direct I/O; NULL: there is none. */
uint8_t *chunk_memory(size_t size);

/* A chunk without data, with the present counts; NULL: no memory. */
struct chunk *chunk_new(const struct tally *tally, const struct spool_order *order);
void chunk_free(struct chunk *c);

static inline size_t chunk_len(const struct chunk *c)
{
	return c->end - c->start;
}

#endif /* PCAPNG_FILES_CHUNK_H */
