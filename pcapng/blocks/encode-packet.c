/* SPDX-License-Identifier: MIT */
/*
 * encode-packet.c - encodes packets: Enhanced Packet Block and Simple Packet Block
 *
 * encode_packet() handles every packet in one pass, as other blocks are encoded; it skips large
 * fragments, which become holes (staging.h). The common case has a faster encoder in plain.h.
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
