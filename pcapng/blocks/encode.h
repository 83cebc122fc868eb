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

/* Writes a packet that encode_is_plain(), encode_plain_len() bytes, to `at`. */
void encode_plain_packet(uint8_t *at, bool swap, const struct pcapng_packet *packet);

/* True for a contiguous packet with only the numeric options that captures have. */
bool encode_is_plain(const struct pcapng_packet *packet);

/* The length of the options of such a packet, including opt_endofopt. */
static inline uint32_t encode_plain_options_len(const struct pcapng_packet *p)
{
	uint32_t len = 0;

	if (!(p->mask | p->n_hashes)) /* the most common case; three calls per packet */
		return 0;
	len += p->mask & PCAPNG_PACKET_FLAGS ? 8 : 0;
	len += p->mask & PCAPNG_PACKET_DROPCOUNT ? 12 : 0;
	len += p->mask & PCAPNG_PACKET_PACKETID ? 12 : 0;
	len += p->mask & PCAPNG_PACKET_QUEUE ? 8 : 0;
	len += p->n_hashes ? 12 : 0;
	return len ? len + 4 : 0;
}

static inline uint32_t encode_plain_len(const struct pcapng_packet *p)
{
	return 32 + ((p->caplen + 3) & ~3u) + encode_plain_options_len(p);
}

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
