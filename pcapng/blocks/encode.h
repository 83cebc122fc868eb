/* SPDX-License-Identifier: MIT */
/*
 * encode.h - struct in, block out: one function for each type of block
 *
 * Each writes one whole block into `b`, or refuses it. They know the draft, not the section: that
 * an interface exists, or what a profile asks for, is checked in writer.c.
 */
#ifndef PCAPNG_BLOCKS_ENCODE_H
#define PCAPNG_BLOCKS_ENCODE_H

#include "pcapng/blocks/block.h"
#include "pcapng/writer.h"

/* What of a packet is written. */
struct slice {
	const struct pcapng_packet *packet;
	const struct iovec *frags;
	size_t n_frags;
	size_t caplen;	   /* at most what the fragments have */
	size_t copy_below; /* fragments of so many bytes are left out: the caller makes holes */
};

/* Of fragment `frag`, the bytes that lie before `left` runs out. */
static inline size_t slice_part(const struct iovec *frag, size_t left)
{
	return frag->iov_len < left ? frag->iov_len : left;
}

/* Where the packet's data begins in the block. */
#define ENCODE_EPB_DATA 28
#define ENCODE_SPB_DATA 12

/* The members of a newer program's struct are not there to read: nothing is left out in silence. */
static inline void encode_check_mask(struct block *b, uint32_t mask, uint32_t known)
{
	if (mask & ~known)
		block_refuse(b, "mask", "bits that this version of the library does not know");
}

void encode_section(struct block *b, const void *section);
void encode_interface(struct block *b, const void *interface);
void encode_packet(struct block *b, const struct slice *slice);
void encode_simple_packet(struct block *b, const struct slice *slice);

/* A packet that encode_is_plain(), into encode_plain_len() bytes at `at`. */
void encode_plain_packet(uint8_t *at, bool swap, const struct pcapng_packet *packet);

/* Whether a packet is in one piece and has no options but the numbers that a capture has for each. */
bool encode_is_plain(const struct pcapng_packet *packet);

/* Bytes of the options of such a packet, with their end. */
static inline uint32_t encode_plain_options_len(const struct pcapng_packet *p)
{
	uint32_t len = 0;

	if (!(p->mask | p->n_hashes)) /* most; three times for each packet */
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
