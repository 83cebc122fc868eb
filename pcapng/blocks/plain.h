/* SPDX-License-Identifier: MIT */
/*
 * plain.h - the fast path of the encoder: small contiguous packets whose options are only numbers
 *
 * Captures consist of such packets, millions a second. The length of the block is known in advance,
 * so it is written without a check of the room for each field. Everything is inline: calls and
 * repeated tests are what such a packet would spend most of its time on.
 *
 * A block has the same bytes as encode_packet() would give it.
 */
#ifndef PCAPNG_BLOCKS_PLAIN_H
#define PCAPNG_BLOCKS_PLAIN_H

#include "pcapng/blocks/encode.h"
#include "pcapng/blocks/option.h"

#define PLAIN_MASK                                                                                 \
	(PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_DROPCOUNT | PCAPNG_PACKET_PACKETID |                  \
	 PCAPNG_PACKET_QUEUE | PCAPNG_PACKET_PROCESS)

/* Whether the hashes, if any, are the one that NICs compute. */
static inline bool plain_has_hash(const struct pcapng_packet *p)
{
	return p->n_hashes == 1 && p->hashes && p->hashes->data &&
	       p->hashes->algorithm == PCAPNG_HASH_TOEPLITZ && p->hashes->len == 4;
}

/* True for a contiguous packet with only the numeric options that captures have. */
static inline bool plain_is(const struct pcapng_packet *p)
{
	const struct pcapng_options *o = &p->options;

	if (p->n_frags | p->n_verdicts | o->n_comments | o->n_custom | o->n_extra |
	    (p->mask & ~PLAIN_MASK))
		return false;
	if (p->caplen && !p->data)
		return false;
	if (p->mask & PCAPNG_PACKET_FLAGS && opt_refuse_flags(p->flags))
		return false;
	return !p->n_hashes || plain_has_hash(p);
}

/* The length of the options of such a packet, including opt_endofopt. */
static inline uint32_t plain_options_len(const struct pcapng_packet *p)
{
	/* FLAGS and QUEUE have 8 bytes, DROPCOUNT, PACKETID and PROCESS 12, opt_endofopt 4. */
	static const uint8_t lengths[PLAIN_MASK + 1] = {
		0,  12, 16, 24, 16, 24, 28, 36, 12, 20, 24, 32, 24, 32, 36, 44,
		16, 24, 28, 36, 28, 36, 40, 48, 24, 32, 36, 44, 36, 44, 48, 56,
	};
	uint32_t len = lengths[p->mask & PLAIN_MASK];

	if (p->n_hashes)
		len = (len ? len : 4) + 12;
	return len;
}

/* The length of the block of such a packet. */
static inline uint32_t plain_len(const struct pcapng_packet *p)
{
	return 32 + ((p->caplen + 3) & ~3u) + plain_options_len(p);
}

static inline void plain_store_u32(uint8_t *at, uint32_t v, bool swap)
{
	v = swap ? bswap_32(v) : v;
	memcpy(at, &v, sizeof(v));
}

/* The code of an option and its length. */
static inline void plain_store_code(uint8_t *at, uint16_t code, uint16_t len, bool swap)
{
	const uint16_t words[2] = { swap ? bswap_16(code) : code, swap ? bswap_16(len) : len };

	memcpy(at, words, sizeof(words));
}

/* An option that is one word. */
static inline uint8_t *plain_store_word(uint8_t *at, uint16_t code, uint32_t v, bool swap)
{
	plain_store_code(at, code, 4, swap);
	plain_store_u32(at + 4, v, swap);
	return at + 8;
}

/* An option that is a number of 64 bits. */
static inline uint8_t *plain_store_number(uint8_t *at, uint16_t code, uint64_t v, bool swap)
{
	v = swap ? bswap_64(v) : v;
	plain_store_code(at, code, 8, swap);
	memcpy(at + 4, &v, sizeof(v));
	return at + 12;
}

static inline uint8_t *plain_store_process(uint8_t *at, const struct pcapng_packet *p, bool swap)
{
	plain_store_code(at, PCAPNG_EPB_PROCESSID_THREADID, 8, swap);
	plain_store_u32(at + 4, p->pid, swap);
	plain_store_u32(at + 8, p->tid, swap);
	return at + 12;
}

/* [pcapng §section_epb] epb_hash: the algorithm, then the hash; 5 bytes and 3 of padding */
static inline uint8_t *plain_store_hash(uint8_t *at, const void *hash, bool swap)
{
	plain_store_code(at, PCAPNG_EPB_HASH, 5, swap);
	memset(at + 8, 0, 4);
	at[4] = PCAPNG_HASH_TOEPLITZ;
	memcpy(at + 5, hash, 4);
	return at + 12;
}

/* The order is that of encode_packet(). */
static inline __attribute__((always_inline)) void plain_store_options(uint8_t *at,
								      const struct pcapng_packet *p,
								      bool swap)
{
	if (p->mask & PCAPNG_PACKET_FLAGS)
		at = plain_store_word(at, PCAPNG_EPB_FLAGS, p->flags, swap);
	if (p->mask & PCAPNG_PACKET_DROPCOUNT)
		at = plain_store_number(at, PCAPNG_EPB_DROPCOUNT, p->dropcount, swap);
	if (p->mask & PCAPNG_PACKET_PACKETID)
		at = plain_store_number(at, PCAPNG_EPB_PACKETID, p->packetid, swap);
	if (p->mask & PCAPNG_PACKET_QUEUE)
		at = plain_store_word(at, PCAPNG_EPB_QUEUE, p->queue, swap);
	if (p->mask & PCAPNG_PACKET_PROCESS)
		at = plain_store_process(at, p, swap);
	if (p->n_hashes)
		at = plain_store_hash(at, p->hashes->data, swap);
	plain_store_u32(at, 0, swap); /* opt_endofopt */
}

/*
 * Writes such a packet to `at`: plain_len() bytes, which are `total`. Stores each word directly.
 * Through a struct, the copy would read words that the CPU had just stored one by one, and stall on
 * store forwarding. The data comes last: nothing needs a register across the call that copies it.
 * `swap` is a constant in each caller.
 */
static inline __attribute__((always_inline)) void plain_encode(uint8_t *at, uint32_t total,
							       const struct pcapng_packet *p,
							       bool swap)
{
	uint8_t *options = at + ENCODE_EPB_DATA + ((p->caplen + 3) & ~3u);

	plain_store_u32(at, PCAPNG_BLOCK_EPB, swap);
	plain_store_u32(at + 4, total, swap);
	plain_store_u32(at + 8, p->interface, swap);
	plain_store_u32(at + 12, p->ts >> 32, swap);
	plain_store_u32(at + 16, p->ts, swap);
	plain_store_u32(at + 20, p->caplen, swap);
	plain_store_u32(options - 4, 0, swap); /* padding, unless the next stores overwrite it */
	plain_store_u32(at + 24, p->len, swap);
	if (p->mask | p->n_hashes)
		plain_store_options(options, p, swap);
	plain_store_u32(at + total - 4, total, swap);
	if (p->caplen)
		memcpy(at + ENCODE_EPB_DATA, p->data, p->caplen);
}

#endif /* PCAPNG_BLOCKS_PLAIN_H */
