/* SPDX-License-Identifier: MIT */
/*
 * encode-packet.c - packets: Enhanced Packet Block and Simple Packet Block
 *
 * The hot path: a packet without options is one store of a 28 byte head, one copy, a few bytes of
 * padding and the length. Large fragments are passed over here and become holes (staging.h).
 */
#include "pcapng/encode.h"
#include "pcapng/option.h"

/* [pcapng §section_epb] The fixed part, at the offsets of the draft. */
struct epb_head {
	uint32_t type;	    /*  0 */
	uint32_t total;	    /*  4, block_end() */
	uint32_t interface; /*  8 */
	uint32_t ts_high;   /* 12 */
	uint32_t ts_low;    /* 16 */
	uint32_t caplen;    /* 20 */
	uint32_t len;	    /* 24 */
};
_Static_assert(sizeof(struct epb_head) == ENCODE_EPB_DATA, "data comes right behind the head");

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
	if (p->set & PCAPNG_PACKET_FLAGS)
		opt_u32(b, PCAPNG_EPB_FLAGS, p->flags);
	if (p->set & PCAPNG_PACKET_DROPCOUNT)
		opt_u64(b, PCAPNG_EPB_DROPCOUNT, p->dropcount);
	if (p->set & PCAPNG_PACKET_PACKETID)
		opt_u64(b, PCAPNG_EPB_PACKETID, p->packetid);
	if (p->set & PCAPNG_PACKET_QUEUE)
		opt_u32(b, PCAPNG_EPB_QUEUE, p->queue);
	if (p->set & PCAPNG_PACKET_PROCESS)
		put_process(b, p);
	put_lists(b, p);
	opt_common(b, &p->options);
	opt_end(b);
}

static bool packet_has_options(const struct pcapng_packet *p)
{
	return p->set || p->n_verdicts || p->n_hashes || p->options.n_comments ||
	       p->options.n_custom || p->options.n_extra;
}

void encode_packet(struct block *b, const struct slice *slice)
{
	const struct pcapng_packet *p = slice->packet;
	const struct epb_head head = {
		.type = block_u32(b, PCAPNG_BLOCK_EPB),
		.interface = block_u32(b, p->interface),
		.ts_high = block_u32(b, p->ts >> 32),
		.ts_low = block_u32(b, p->ts),
		.caplen = block_u32(b, slice->caplen),
		.len = block_u32(b, p->len),
	};

	b->len = 0;
	b->type = PCAPNG_BLOCK_EPB;
	b->has_options = false;
	b->seen = 0;
	b->field = NULL;
	b->why = NULL;
	block_put(b, &head, sizeof(head));
	put_data(b, slice);
	if (packet_has_options(p))
		put_options(b, p);
	block_end(b);
}

/* [pcapng §section_spb] */
void encode_simple_packet(struct block *b, const struct slice *slice)
{
	block_begin(b, PCAPNG_BLOCK_SPB);
	block_put_u32(b, slice->packet->len);
	put_data(b, slice);
	if (packet_has_options(slice->packet) || slice->packet->interface || slice->packet->ts)
		block_refuse(b, NULL, "a simple packet has no interface, time or option");
	block_end(b);
}
