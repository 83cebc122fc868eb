/* SPDX-License-Identifier: MIT */
/*
 * block.h - one block being written into memory that may be too small for it
 *
 * A block is encoded in one pass: begin, put, ..., end. What finds no room is counted but not
 * written, so that the same pass also measures: after block_end(), `len` is the block's length, and
 * the block is there only if block_is_whole(). A value that the format forbids is refused once with
 * its reason; the first refusal stays.
 */
#ifndef PCAPNG_BLOCKS_BLOCK_H
#define PCAPNG_BLOCKS_BLOCK_H

#include <byteswap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest block that is written: Wireshark's limit, below any other reader's but libpcap's. */
#define BLOCK_MAX 134348832u

struct block {
	uint8_t *buf;  /* borrowed */
	size_t size;   /* of buf */
	size_t len;    /* bytes put so far, written or not; at most BLOCK_MAX */
	uint32_t type; /* PCAPNG_BLOCK_ */
	bool swap;     /* the section is not in the host's byte order */
	bool has_options;
	uint32_t seen;	   /* bit n: option n was put */
	const char *field; /* what was refused, static; NULL: the block as a whole */
	const char *why;   /* why, static; NULL: nothing was refused */
};

/* Starts a block in b->buf, which together with size and swap was set by the caller. */
void block_begin(struct block *b, uint32_t type);

/* Pads, sets both lengths. */
void block_end(struct block *b);

/* Refuses the block: `field` (or NULL) and `why` are static text. */
void block_refuse(struct block *b, const char *field, const char *why);

/* Leaves `n` bytes as they are. */
void block_skip(struct block *b, size_t n);

/* Zeros up to the next multiple of four. */
void block_pad(struct block *b);

/* True: nothing was refused and all of it is in buf. */
static inline bool block_is_whole(const struct block *b)
{
	return !b->why && b->len <= b->size;
}

static inline bool block_has_room(const struct block *b, size_t n)
{
	return b->len <= b->size && n <= b->size - b->len;
}

static inline void block_put(struct block *b, const void *data, size_t n)
{
	if (block_has_room(b, n) && n)
		memcpy(b->buf + b->len, data, n);
	block_skip(b, n);
}

static inline uint16_t block_u16(const struct block *b, uint16_t v)
{
	return b->swap ? bswap_16(v) : v;
}

static inline uint32_t block_u32(const struct block *b, uint32_t v)
{
	return b->swap ? bswap_32(v) : v;
}

static inline uint64_t block_u64(const struct block *b, uint64_t v)
{
	return b->swap ? bswap_64(v) : v;
}

static inline void block_put_u8(struct block *b, uint8_t v)
{
	block_put(b, &v, sizeof(v));
}

static inline void block_put_u16(struct block *b, uint16_t v)
{
	v = block_u16(b, v);
	block_put(b, &v, sizeof(v));
}

static inline void block_put_u32(struct block *b, uint32_t v)
{
	v = block_u32(b, v);
	block_put(b, &v, sizeof(v));
}

static inline void block_put_u64(struct block *b, uint64_t v)
{
	v = block_u64(b, v);
	block_put(b, &v, sizeof(v));
}

/* [pcapng §section_epb] Timestamps are two words, the high one first in either byte order. */
static inline void block_put_time(struct block *b, uint64_t ts)
{
	block_put_u32(b, ts >> 32);
	block_put_u32(b, ts);
}

#endif /* PCAPNG_BLOCKS_BLOCK_H */
