/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - buffers of blocks on their way to disk, and the orders that travel with them
 *
 * data[start] to data[end] are new. What comes before `start` is the end of the chunk before it, as far
 * as that filled no sector: direct I/O begins with it.
 */
#ifndef PCAPNG_FILES_CHUNK_H
#define PCAPNG_FILES_CHUNK_H

#include "pcapng/file/gzip.h"
#include "pcapng/files/spool.h"
#include "pcapng/pages.h"

/*
 * One buffer: large enough for direct I/O, small enough for the cache of a processor. A huge page, unless
 * the queue would hold but a few of these.
 */
#define CHUNK_MIN (1u << 20)
#define CHUNK_MAX PAGES_HUGE
static inline size_t chunk_size(size_t queue_size)
{
	return queue_size < 8 * CHUNK_MAX ? CHUNK_MIN : CHUNK_MAX;
}

enum chunk_state {
	CHUNK_RAW,     /* may be compressed by any thread */
	CHUNK_PACKING, /* is being compressed */
	CHUNK_READY,   /* is compressed, or will be by the thread that writes */
};

struct chunk {
	struct chunk *next;
	uint8_t *data;
	size_t size; /* allocated */
	size_t cost; /* what it takes of the queue's size: also memory that holds no block */
	size_t start, end;
	uint64_t at;  /* of data[0] in the file */
	bool is_full; /* more follows at once: its last sector may wait */
	bool is_put;  /* its bytes are in the file */
	enum chunk_state state;
	int pack_error;
	uint8_t *packed; /* compressed; NULL: not yet */
	size_t packed_len;
	uint64_t *counts; /* packets of each interface up to its end */
	uint32_t n_counts;
	struct spool_order order;
};

/* A chunk without data, with the present counts; NULL: no memory. */
struct chunk *chunk_new(const struct tally *tally, const struct spool_order *order);
void chunk_free(struct chunk *c);

static inline size_t chunk_len(const struct chunk *c)
{
	return c->end - c->start;
}

/* Buffers that are kept: the processor's cache still has them. */
#define CHUNKS_SPARES	   4
#define CHUNKS_SPARE_BYTES (4u << 20)

struct chunks {			      /* oldest first; all zero: none */
	struct chunk *first, *newest; /* newest: only if there is a first */
	uint8_t *spares[CHUNKS_SPARES];
	unsigned int n_spares;
	size_t size;		 /* of one that is full */
	size_t limit, allocated; /* of their cost */
	uint64_t queued, peak;	 /* bytes of blocks */
};

/* Frees the spare buffers. */
void chunks_done(struct chunks *l);

/* True: a chunk with the bytes of `st`, and counts of `n` interfaces, is within the limit. */
bool chunks_have_room(const struct chunks *l, const struct staging *st, uint32_t n);

/*
 * Appends the chunk with the bytes of `st`. They are copied if they are few; else their buffer changes hands.
 * The last `kept` ones are also in front of the next buffer. 0 or -ENOMEM, and nothing has changed.
 */
int chunks_append(struct chunks *l, struct chunk *c, struct staging *st, size_t kept);

/*
 * Adds the bytes of `st`, if they are few, with their counts and the order, to the newest chunk, if it is not
 * the first, which somebody works on. False: nothing has changed.
 */
bool chunks_join(struct chunks *l, struct staging *st, size_t kept, const struct tally *tally,
		 const struct spool_order *order);

/* Compresses its bytes, if there are any. 0, -ENOMEM or -EIO. */
int chunk_pack(struct chunk *c, struct gzip *gzip);

/* What is compressed waits for the disk only in that form: its buffer may serve again. */
void chunks_drop_raw(struct chunks *l, struct chunk *c);

/* Frees the first. */
void chunks_retire(struct chunks *l);

#endif /* PCAPNG_FILES_CHUNK_H */
