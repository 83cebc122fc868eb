/* SPDX-License-Identifier: MIT */
/*
 * encode-packet.c - encodes packets: Enhanced Packet Block and Simple Packet Block
 *
 * encode_packet() handles every packet in one pass, as other blocks are encoded; it skips large
 * fragments, which become holes (staging.h). A small contiguous packet whose options are only
 * numbers is the common case, millions of times a second. It has a fast path: its length is known
 * in advance.
 */
#include "pcapng/blocks/encode.h"
#include "pcapng/blocks/option.h"

static void put_data(struct block *b, const struct slice *slice)
{
	size_t left = slice->caplen;

	for (size_t i = 0; i < slice->n_frags && left; i++) {
		size_t n = slice_part(&slice->frags[i], left);

		if (n < slice->copy_below)
			block_put(b, slice->frags[i].iov_base, n);
		else
			block_skip(b, n);
		left -= n;
	}
	block_pad(b);
}

static void put_verdict(struct block *b, const struct pcapng_verdict *v)
{
	uint64_t value = block_u64(b, v->value);

	if (v->kind == PCAPNG_VERDICT_HARDWARE)
		opt_tagged(b, PCAPNG_EPB_VERDICT, v->kind, v->data, v->len);
	else if (v->data || v->len)
		block_refuse(b, "epb_verdict", "octets are for hardware verdicts");
	else
		opt_tagged(b, PCAPNG_EPB_VERDICT, v->kind, &value, sizeof(value));
}

static void put_process(struct block *b, const struct pcapng_packet *p)
{
	uint32_t words[2] = { block_u32(b, p->pid), block_u32(b, p->tid) };

	opt_bytes(b, PCAPNG_EPB_PROCESSID_THREADID, words, sizeof(words));
}

static void put_lists(struct block *b, const struct pcapng_packet *p)
{
	if ((p->n_hashes && !p->hashes) || (p->n_verdicts && !p->verdicts)) {
		block_refuse(b, "options", "a count without a list");
		return;
	}
	for (size_t i = 0; i < p->n_hashes && !b->why; i++)
		opt_tagged(b, PCAPNG_EPB_HASH, p->hashes[i].algorithm, p->hashes[i].data,
			   p->hashes[i].len);
	for (size_t i = 0; i < p->n_verdicts && !b->why; i++)
		put_verdict(b, &p->verdicts[i]);
}

static void put_options(struct block *b, const struct pcapng_packet *p)
{
	if (p->mask & PCAPNG_PACKET_FLAGS)
		opt_u32(b, PCAPNG_EPB_FLAGS, p->flags);
	if (p->mask & PCAPNG_PACKET_DROPCOUNT)
		opt_u64(b, PCAPNG_EPB_DROPCOUNT, p->dropcount);
	if (p->mask & PCAPNG_PACKET_PACKETID)
		opt_u64(b, PCAPNG_EPB_PACKETID, p->packetid);
	if (p->mask & PCAPNG_PACKET_QUEUE)
		opt_u32(b, PCAPNG_EPB_QUEUE, p->queue);
	if (p->mask & PCAPNG_PACKET_PROCESS)
		put_process(b, p);
	put_lists(b, p);
	opt_common(b, &p->options);
	opt_end(b);
}

/* [pcapng §section_epb] */
void encode_packet(struct block *b, const struct slice *slice)
{
	const struct pcapng_packet *p = slice->packet;

	block_begin(b, PCAPNG_BLOCK_EPB);
	encode_check_mask(b, p->mask, 2 * PCAPNG_PACKET_PROCESS - 1);
	block_put_u32(b, p->interface);
	block_put_time(b, p->ts);
	block_put_u32(b, slice->caplen);
	block_put_u32(b, p->len);
	put_data(b, slice);
	if (encode_has_options(p))
		put_options(b, p);
	block_end(b);
}

static inline void store_u16(uint8_t *at, uint16_t v, bool swap)
{
	v = swap ? bswap_16(v) : v;
	memcpy(at, &v, sizeof(v));
}

static inline void store_u32(uint8_t *at, uint32_t v, bool swap)
{
	v = swap ? bswap_32(v) : v;
	memcpy(at, &v, sizeof(v));
}

bool encode_is_plain(const struct pcapng_packet *p)
{
	const uint32_t numbers = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_DROPCOUNT |
				 PCAPNG_PACKET_PACKETID | PCAPNG_PACKET_QUEUE;
	const struct pcapng_options *o = &p->options;

	if (p->n_frags || (p->caplen && !p->data) || p->mask & ~numbers || p->n_verdicts ||
	    o->n_comments || o->n_custom || o->n_extra)
		return false;
	if (p->mask & PCAPNG_PACKET_FLAGS && opt_refuse_flags(p->flags))
		return false;
	return !p->n_hashes ||
	       (p->n_hashes == 1 && p->hashes && p->hashes->data &&
		p->hashes->algorithm == PCAPNG_HASH_TOEPLITZ && p->hashes->len == 4);
}

/* An option that is one word. */
static inline uint8_t *store_option_u32(uint8_t *at, uint16_t code, uint32_t v, bool swap)
{
	store_u16(at, code, swap);
	store_u16(at + 2, 4, swap);
	store_u32(at + 4, v, swap);
	return at + 8;
}

static inline uint8_t *store_option_u64(uint8_t *at, uint16_t code, uint64_t v, bool swap)
{
	v = swap ? bswap_64(v) : v;
	store_u16(at, code, swap);
	store_u16(at + 2, 8, swap);
	memcpy(at + 4, &v, sizeof(v));
	return at + 12;
}

/* [pcapng §section_epb] epb_hash: the algorithm, then the hash; 5 bytes and 3 of padding */
static inline uint8_t *store_toeplitz(uint8_t *at, const void *hash, bool swap)
{
	store_u16(at, PCAPNG_EPB_HASH, swap);
	store_u16(at + 2, 5, swap);
	memset(at + 8, 0, 4);
	at[4] = PCAPNG_HASH_TOEPLITZ;
	memcpy(at + 5, hash, 4);
	return at + 12;
}

/* The order is that of put_options(): both paths write the same bytes for a packet. */
static inline void store_options(uint8_t *at, const struct pcapng_packet *p, bool swap)
{
	if (p->mask & PCAPNG_PACKET_FLAGS)
		at = store_option_u32(at, PCAPNG_EPB_FLAGS, p->flags, swap);
	if (p->mask & PCAPNG_PACKET_DROPCOUNT)
		at = store_option_u64(at, PCAPNG_EPB_DROPCOUNT, p->dropcount, swap);
	if (p->mask & PCAPNG_PACKET_PACKETID)
		at = store_option_u64(at, PCAPNG_EPB_PACKETID, p->packetid, swap);
	if (p->mask & PCAPNG_PACKET_QUEUE)
		at = store_option_u32(at, PCAPNG_EPB_QUEUE, p->queue, swap);
	if (p->n_hashes)
		at = store_toeplitz(at, p->hashes->data, swap);
	store_u32(at, 0, swap); /* opt_endofopt */
}

/*
 * Stores each word directly. Through a struct, the copy would read words that the CPU had just
 * stored one by one, and stall on store forwarding.
 */
void encode_plain_packet(uint8_t *at, bool swap, const struct pcapng_packet *p)
{
	uint32_t padded = (p->caplen + 3) & ~3u, total = encode_plain_len(p);
	uint8_t *options = at + ENCODE_EPB_DATA + padded;

	store_u32(at, PCAPNG_BLOCK_EPB, swap);
	store_u32(at + 4, total, swap);
	store_u32(at + 8, p->interface, swap);
	store_u32(at + 12, p->ts >> 32, swap);
	store_u32(at + 16, p->ts, swap);
	store_u32(at + 20, p->caplen, swap);
	store_u32(options - 4, 0, swap); /* padding, unless the next stores overwrite it */
	store_u32(at + 24, p->len, swap);
	if (p->caplen)
		memcpy(at + ENCODE_EPB_DATA, p->data, p->caplen);
	if (p->mask | p->n_hashes)
		store_options(options, p, swap);
	store_u32(at + total - 4, total, swap);
}

/* [pcapng §section_spb] */
void encode_simple_packet(struct block *b, const struct slice *slice)
{
	block_begin(b, PCAPNG_BLOCK_SPB);
	block_put_u32(b, slice->packet->len);
	put_data(b, slice);
	if (encode_has_options(slice->packet) || slice->packet->interface || slice->packet->ts)
		block_refuse(b, NULL, "a simple packet has no interface, time or option");
	block_end(b);
}
