/* SPDX-License-Identifier: MIT */
/*
 * block.c - the frame of a block: type, length, ..., padding, length again
 *
 * [pcapng §section_block] Every block starts with its type and its total length and ends with its
 * total length, so that readers can walk a file both ways. The length is known only at the end;
 * block_end() goes back and fills it in. encode.c fills the block, option.c its options.
 */
#include "pcapng/blocks/block.h"

void block_begin(struct block *b, uint32_t type)
{
	b->len = 0;
	b->type = type;
	b->has_options = false;
	b->seen = 0;
	b->field = NULL;
	b->why = NULL;
	block_put_u32(b, type);
	block_put_u32(b, 0);
}

void block_end(struct block *b)
{
	uint32_t total;

	block_pad(b);
	total = block_u32(b, b->len + sizeof(total));
	block_put(b, &total, sizeof(total));
	if (block_is_complete(b))
		memcpy(b->buf + sizeof(uint32_t), &total, sizeof(total));
}

void block_refuse(struct block *b, const char *field, const char *why)
{
	if (b->why)
		return;
	b->field = field;
	b->why = why;
}

void block_skip(struct block *b, size_t n)
{
	if (n > BLOCK_MAX - b->len)
		block_refuse(b, NULL, "longer than 134348832 bytes, which no reader accepts");
	else
		b->len += n;
}

void block_pad(struct block *b)
{
	static const uint8_t zeros[4];

	block_put(b, zeros, -b->len & 3);
}
