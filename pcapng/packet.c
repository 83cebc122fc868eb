/* SPDX-License-Identifier: MIT */
/*
 * packet.c - packets into the writer: the hot path
 *
 * A packet comes in one piece or in fragments; both are a list of iovecs from here on (struct slice).
 * It is checked, encoded behind what is pending, and those fragments that are large stay where they
 * are until the next flush: the encoder leaves a hole for each, and staging.c remembers whose.
 */
#include <errno.h>

#include "pcapng/blocks/encode.h"
#include "pcapng/state.h"

typedef void (*encode_packet_fn)(struct block *b, const struct slice *slice);

/* One type of packet block. */
struct form {
	uint32_t type;
	size_t data_offset;
	encode_packet_fn encode;
};

static const struct form enhanced = { PCAPNG_BLOCK_EPB, ENCODE_EPB_DATA, encode_packet };
static const struct form simple = { PCAPNG_BLOCK_SPB, ENCODE_SPB_DATA, encode_simple_packet };

/* NULL: fine, else why not. */
static const char *check_packet(const struct pcapng_packet *p, const struct interface *interface,
				size_t caplen)
{
	if (!interface)
		return "there is no interface with this id";
	if (caplen > p->len)
		return "more was captured than len says there was";
	if (interface->snaplen && caplen > interface->snaplen)
		return "more was captured than the interface's snaplen";
	return NULL;
}

/* NULL: fine, and the slice is the whole packet. `whole` is memory for it. */
static const char *slice_packet(struct slice *s, const struct pcapng_packet *p, struct iovec *whole)
{
	if (!p->n_frags) {
		if (p->caplen && !p->data)
			return "caplen without data";
		*whole = (struct iovec){ (void *)p->data, p->caplen };
		s->frags = whole;
		s->n_frags = 1;
		s->caplen = p->caplen;
		return NULL;
	}
	if (!p->frags || p->data || p->caplen)
		return "data and caplen, or fragments; not both";
	s->frags = p->frags;
	s->n_frags = p->n_frags;
	for (size_t i = 0; i < p->n_frags; i++) {
		if (p->frags[i].iov_len > BLOCK_MAX - s->caplen)
			return "the fragments are longer than any block";
		if (p->frags[i].iov_len && !p->frags[i].iov_base)
			return "a fragment without data";
		s->caplen += p->frags[i].iov_len;
	}
	return NULL;
}

/* How many holes the slice makes. */
static size_t count_holes(const struct slice *s)
{
	size_t left = s->caplen, n = 0;

	for (size_t i = 0; i < s->n_frags && left; i++) {
		size_t part = slice_part(&s->frags[i], left);

		n += part >= s->copy_below;
		left -= part;
	}
	return n;
}

static void add_holes(struct staging *staging, const struct slice *s, size_t offset)
{
	size_t left = s->caplen;

	for (size_t i = 0; i < s->n_frags && left; i++) {
		size_t part = slice_part(&s->frags[i], left);

		if (part >= s->copy_below)
			staging_add_hole(staging, offset, s->frags[i].iov_base, part);
		offset += part;
		left -= part;
	}
}

/*
 * A live pipe's packet may be long because of its data or of its options; cutting the data to fit is
 * what a smaller snaplen would have done. 0: it fits, or was cut and is to be encoded again.
 */
static int fit_packet(struct pcapng_writer *w, struct block *b, struct slice *s)
{
	size_t limit = state_limit(w, b->type), over;

	if (w->profile != PCAPNG_PROFILE_LIVE_PIPE || b->why || b->len <= limit)
		return state_check_block(w, b);
	over = b->len - limit;
	if (over > s->caplen)
		return state_check_block(w, b);
	s->caplen = (s->caplen - over) & ~(size_t)3;
	return 1;
}

/* The fragments that are referenced have places in the list of holes, or else are copied. */
static int make_holes(struct pcapng_writer *w, struct slice *s)
{
	size_t n = count_holes(s);
	int r;

	if (!n || staging_has_holes_left(&w->staging, n))
		return 0;
	if (n > STAGING_HOLES) {
		s->copy_below = SIZE_MAX;
		return 0;
	}
	r = staging_offer(&w->staging);
	return r == -EAGAIN ? 0 : r;
}

static int write_packet(struct pcapng_writer *w, const struct form *form, struct slice *s)
{
	struct block b;
	int r = make_holes(w, s);

	if (r < 0)
		return state_fail_output(w, r);
	for (;;) {
		b = state_next_block(w, true);
		form->encode(&b, s);
		r = fit_packet(w, &b, s);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (block_is_whole(&b))
			break;
		r = staging_make_room(&w->staging, b.len, true);
		if (r < 0)
			return state_fail_output(w, r);
	}
	if (s->copy_below != SIZE_MAX)
		add_holes(&w->staging, s, form->data_offset);
	state_commit(w, b.len);
	return 0;
}

/* The short way: small, of the plain sort, right, and with room. */
static bool packet_is_plain(const struct pcapng_writer *w, const struct pcapng_packet *p)
{
	return p->caplen < w->plain_below && encode_is_plain(p) &&
	       encode_plain_len(p) <= staging_room(&w->staging, true) &&
	       !check_packet(p, state_find_interface(w, p->interface), p->caplen);
}

static int add_slice(struct pcapng_writer *w, const struct pcapng_packet *packet)
{
	struct slice s = { .packet = packet, .copy_below = w->copy_below };
	struct iovec whole;
	const char *why = slice_packet(&s, packet, &whole);

	if (!why)
		why = check_packet(packet, state_find_interface(w, packet->interface), s.caplen);
	if (why)
		return state_fail_check(w, PCAPNG_BLOCK_EPB, NULL, why);
	return write_packet(w, &enhanced, &s);
}

int pcapng_writer_add_packet(struct pcapng_writer *w, const struct pcapng_packet *packet)
{
	if (w->broken)
		return w->broken;
	if (packet_is_plain(w, packet)) {
		encode_plain_packet(staging_at(&w->staging), w->swap, packet);
		state_commit(w, encode_plain_len(packet));
		return 0;
	}
	return add_slice(w, packet);
}

/* [pcapng §section_spb] The captured length is not in the block: it follows from the snaplen. */
static const char *check_simple(const struct pcapng_writer *w, const struct pcapng_packet *p,
				size_t caplen)
{
	const struct interface *interface = state_find_interface(w, 0);
	const char *why = check_packet(p, interface, caplen);
	uint32_t expected = p->len;

	if (why)
		return why;
	if (interface->snaplen && interface->snaplen < expected)
		expected = interface->snaplen;
	if (w->profile == PCAPNG_PROFILE_LIVE_PIPE && expected > 262144 - 16)
		return "longer than a live pipe takes, and a simple packet cannot be cut";
	return caplen == expected ? NULL : "caplen is not the smaller of len and snaplen";
}

int pcapng_writer_add_simple_packet(struct pcapng_writer *w, const struct pcapng_packet *packet)
{
	struct slice s = { .packet = packet, .copy_below = w->copy_below };
	struct iovec whole;
	const char *why;

	if (w->broken)
		return w->broken;
	why = slice_packet(&s, packet, &whole);
	if (!why)
		why = check_simple(w, packet, s.caplen);
	if (why)
		return state_fail_check(w, PCAPNG_BLOCK_SPB, NULL, why);
	return write_packet(w, &simple, &s);
}

ssize_t pcapng_writer_size_packet(struct pcapng_writer *w, const struct pcapng_packet *packet)
{
	struct slice s = { .packet = packet, .copy_below = SIZE_MAX };
	struct block b;
	struct iovec whole;
	const char *why = slice_packet(&s, packet, &whole);
	int r;

	if (!why)
		why = check_packet(packet, state_find_interface(w, packet->interface), s.caplen);
	if (why)
		return state_fail_check(w, PCAPNG_BLOCK_EPB, NULL, why);
	do {
		b = (struct block){ .swap = w->swap };
		encode_packet(&b, &s);
		r = fit_packet(w, &b, &s);
	} while (r > 0);
	return r < 0 ? r : (ssize_t)b.len;
}
