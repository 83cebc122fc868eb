/* SPDX-License-Identifier: MIT */
/*
 * block.h - one block being written to memory that may be too small for it
 *
 * A block is encoded in one pass: begin, put, ..., end. Bytes without room are counted but not
 * written, so the same pass also measures: after block_end(), `len` is the length of the block, and
 * the block is complete only if block_is_complete(). A value that the format forbids refuses the
 * block with a reason; the first reason stays.
 */
#ifndef PCAPNG_BLOCKS_BLOCK_H
#define PCAPNG_BLOCKS_BLOCK_H

#include <byteswap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The maximum length of a block: Wireshark's limit, and the lowest of all readers except libpcap.
 */
#define BLOCK_MAX 134348832u

struct block {
	uint8_t *buf;  /* borrowed */
	size_t size;   /* of buf */
	size_t len;    /* bytes put so far, written or not; at most BLOCK_MAX */
	uint32_t type; /* PCAPNG_BLOCK_ */
	bool swap;     /* the section is not in the host's byte order */
	bool has_options;
	uint32_t seen;	   /* bit n: option n was put */
	const char *field; /* the refused field, static; NULL: the block */
	const char *why;   /* the reason, static; NULL: not refused */
};

/* Starts a block in b->buf. The caller has set buf, size and swap. */
void block_begin(struct block *b, uint32_t type);

/* Pads the block and sets both lengths. */
void block_end(struct block *b);

/* Refuses the block: `field` (or NULL) and `why` are static text. */
void block_refuse(struct block *b, const char *field, const char *why);

/* Skips `n` bytes, which keep their values. */
void block_skip(struct block *b, size_t n);

/* Writes zeros up to a multiple of four. */
void block_pad(struct block *b);

/* True if nothing was refused and buf has the complete block. */
static inline bool block_is_complete(const struct block *b)
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

/* [pcapng §section_epb] A timestamp is two words, the high one first in either byte order. */
static inline void block_put_time(struct block *b, uint64_t ts)
{
	block_put_u32(b, ts >> 32);
	block_put_u32(b, ts);
}

#endif /* PCAPNG_BLOCKS_BLOCK_H */
