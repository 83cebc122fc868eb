/* SPDX-License-Identifier: MIT */
/*
 * option.h - the options of a block, each checked against the table of the draft
 *
 * Call these functions between block_begin() and block_end(), with opt_common() and opt_end() last.
 * A NULL pointer is an absent option. An invalid option refuses the block, see block_refuse().
 */
#ifndef PCAPNG_BLOCKS_OPTION_H
#define PCAPNG_BLOCKS_OPTION_H

#include "pcapng/blocks/block.h"
#include "pcapng/writer.h"

/* Any option. Checks length, UTF-8 and value if the draft defines `code` for this block. */
void opt_put(struct block *b, uint16_t code, const void *value, size_t len);

/* Text without its NUL. */
void opt_string(struct block *b, uint16_t code, const char *text);

/* `len` octets; value NULL: absent. */
void opt_bytes(struct block *b, uint16_t code, const void *value, size_t len);

void opt_u8(struct block *b, uint16_t code, uint8_t value);
void opt_u32(struct block *b, uint16_t code, uint32_t value);
void opt_u64(struct block *b, uint16_t code, uint64_t value);

/* Two words, high first. */
void opt_time(struct block *b, uint16_t code, uint64_t ts);

/* An octet for the kind, then `len` octets. */
void opt_tagged(struct block *b, uint16_t code, uint8_t tag, const void *value, size_t len);

/* The options of every block: extra, custom, then comments. */
void opt_common(struct block *b, const struct pcapng_options *options);

/* Writes opt_endofopt if there was an option. */
void opt_end(struct block *b);

/* True if option `code` (below 32) was put. */
static inline bool opt_is_there(const struct block *b, uint16_t code)
{
	return b->seen & (1u << code);
}

/* True for valid UTF-8: no overlong form, surrogate, code point above U+10FFFF or NUL. */
bool utf8_is_valid(const void *text, size_t len);

/* NULL if these epb_flags are valid, else the reason. */
static inline const char *opt_refuse_flags(uint32_t flags)
{
	if (flags & PCAPNG_FLAG_RESERVED)
		return "reserved bits 12 to 15 are set";
	if ((flags & PCAPNG_FLAG_DIRECTION) == PCAPNG_FLAG_DIRECTION)
		return "unknown direction";
	if ((flags & PCAPNG_FLAG_RECEPTION) > PCAPNG_FLAG_PROMISCUOUS)
		return "unknown reception type";
	return NULL;
}

#endif /* PCAPNG_BLOCKS_OPTION_H */
