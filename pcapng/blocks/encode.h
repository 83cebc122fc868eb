/* SPDX-License-Identifier: MIT */
/*
 * encode.h - struct in, block out: one function per block type
 *
 * Each function writes one complete block to `b` or refuses it. They know the draft, not the
 * section: writer.c checks that an interface exists, and what a profile requires.
 */
#ifndef PCAPNG_BLOCKS_ENCODE_H
#define PCAPNG_BLOCKS_ENCODE_H

#include "pcapng/blocks/block.h"
#include "pcapng/writer.h"

/* The data of a packet that is written. */
struct slice {
	const struct pcapng_packet *packet;
	const struct iovec *frags;
	size_t n_frags;
	size_t caplen;	   /* at most the length of the fragments */
	size_t copy_below; /* larger fragments are skipped: the caller makes holes */
};

/* The length of `frag`, at most `left`. */
static inline size_t slice_part(const struct iovec *frag, size_t left)
{
	return frag->iov_len < left ? frag->iov_len : left;
}

/* The offset of the packet's data in the block. */
#define ENCODE_EPB_DATA 28
#define ENCODE_SPB_DATA 12

/* Refuses bits of a newer header: ignoring them would lose the program's members silently. */
static inline void encode_check_mask(struct block *b, uint32_t mask, uint32_t known)
{
	if (mask & ~known)
		block_refuse(b, "mask", "bits that this version of the library does not know");
}

void encode_section(struct block *b, const void *section);
void encode_interface(struct block *b, const void *interface);
void encode_packet(struct block *b, const struct slice *slice);
void encode_simple_packet(struct block *b, const struct slice *slice);

static inline bool encode_has_options(const struct pcapng_packet *p)
{
	const struct pcapng_options *o = &p->options;

	return p->mask | p->n_verdicts | p->n_hashes | o->n_comments | o->n_custom | o->n_extra;
}

void encode_stats(struct block *b, const void *stats);
void encode_names(struct block *b, const void *names);
void encode_secrets(struct block *b, const void *secrets);
void encode_custom(struct block *b, const void *custom);

/* A type and its body. */
struct raw {
	uint32_t type;
	const void *body;
	size_t len;
};

void encode_journal(struct block *b, const void *raw);
void encode_raw(struct block *b, const void *raw);

#endif /* PCAPNG_BLOCKS_ENCODE_H */
