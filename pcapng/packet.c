/* SPDX-License-Identifier: MIT */
/*
 * packet.c - adds packets to the writer: the hot path
 *
 * A packet is contiguous or in fragments; from here on both are a list of iovecs (struct slice).
 * The writer checks it, encodes it after the pending bytes, and leaves large fragments where they
 * are until the next flush: the encoder leaves a hole for each, and staging.c remembers whose data
 * belongs there.
 */
#include <errno.h>

#include "pcapng/blocks/plain.h"
#include "pcapng/state.h"

typedef void (*encode_packet_fn)(struct block *b, const struct slice *slice);

/* A type of packet block. */
struct form {
	uint32_t type;
	size_t data_offset;
	encode_packet_fn encode;
};

static const struct form enhanced = { PCAPNG_BLOCK_EPB, ENCODE_EPB_DATA, encode_packet };
static const struct form simple = { PCAPNG_BLOCK_SPB, ENCODE_SPB_DATA, encode_simple_packet };

/* NULL if valid, else the reason. */
static const char *check_packet(const struct pcapng_packet *p, const struct interface *interface,
				size_t caplen)
{
	if (!interface)
		return "no interface has this id";
	if (caplen > p->len)
		return "caplen is larger than len";
	if (interface->snaplen && caplen > interface->snaplen)
		return "caplen is larger than the snaplen of the interface";
	return NULL;
}

/* NULL if valid, and the slice is the complete packet; else the reason. `contiguous` is its storage. */
static const char *slice_packet(struct slice *s, const struct pcapng_packet *p,
				struct iovec *contiguous)
{
	if (!p->n_frags) {
		if (p->caplen && !p->data)
			return "caplen without data";
		*contiguous = (struct iovec){ (void *)p->data, p->caplen };
		s->frags = contiguous;
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
			return "the fragments exceed the longest block";
		if (p->frags[i].iov_len && !p->frags[i].iov_base)
			return "a fragment without data";
		s->caplen += p->frags[i].iov_len;
	}
	return NULL;
}

/* The number of holes that the slice makes. */
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
 * A packet may exceed the limit of a live pipe because of its data or its options. Truncating the
 * data has the effect of a smaller snaplen. 0: it fits. 1: it was truncated; encode it again.
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

/* Makes sure that each referenced fragment finds a place in the list of holes, or is copied. */
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
		if (block_is_complete(&b))
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

/*
 * The fast path: small, valid packets with common options only, as many of the first ones as have room in
 * the buffer as it is, and in `room` bytes. What the writer knows stays in registers, which the
 * compiler cannot know: for all it can tell, each byte that is stored changes the writer.
 */
static inline __attribute__((always_inline)) size_t add_plain(struct pcapng_writer *w,
							      const struct pcapng_packet *packets,
							      size_t n, uint64_t room, bool swap)
{
	const struct interface *interfaces = (const struct interface *)w->interfaces.data;
	size_t n_interfaces = state_count_interfaces(w), below = w->plain_below, i = 0;
	uint8_t *start = staging_at(&w->staging), *at = start;
	size_t left = staging_room(&w->staging, true);

	if (left > room)
		left = room;
	for (const struct pcapng_packet *p = packets; i < n; i++, p++) {
		uint32_t len;

		if (p->caplen >= below || !plain_is(p) || p->interface >= n_interfaces ||
		    check_packet(p, &interfaces[p->interface], p->caplen))
			break;
		len = plain_len(p);
		if (len > left)
			break;
		plain_encode(at, len, p, swap);
		at += len;
		left -= len;
	}
	state_commit(w, at - start);
	return i;
}

size_t state_add_plain(struct pcapng_writer *w, const struct pcapng_packet *packets, size_t n,
		       uint64_t room)
{
	if (w->broken)
		return 0;
	return w->swap ? add_plain(w, packets, n, room, true)
		       : add_plain(w, packets, n, room, false);
}

static __attribute__((noinline)) int add_slice(struct pcapng_writer *w,
					       const struct pcapng_packet *packet)
{
	struct slice s = { .packet = packet, .copy_below = w->copy_below };
	struct iovec contiguous;
	const char *why = slice_packet(&s, packet, &contiguous);

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
	return state_add_plain(w, packet, 1, UINT64_MAX) ? 0 : add_slice(w, packet);
}

ssize_t pcapng_writer_add_packets(struct pcapng_writer *w, const struct pcapng_packet *packets,
				  size_t n)
{
	size_t added = state_add_plain(w, packets, n, UINT64_MAX);
	int r;

	if (added || !n)
		return (ssize_t)added;
	r = pcapng_writer_add_packet(w, packets);
	return r < 0 ? r : 1;
}

/*
 * [pcapng §section_spb] The block does not have the captured length: it follows from the snaplen.
 */
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
		return "longer than a live pipe accepts, and a simple packet cannot be truncated";
	return caplen == expected ? NULL : "caplen is not the smaller of len and snaplen";
}

int pcapng_writer_add_simple_packet(struct pcapng_writer *w, const struct pcapng_packet *packet)
{
	struct slice s = { .packet = packet, .copy_below = w->copy_below };
	struct iovec contiguous;
	const char *why;

	if (w->broken)
		return w->broken;
	why = slice_packet(&s, packet, &contiguous);
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
	struct iovec contiguous;
	const char *why = slice_packet(&s, packet, &contiguous);
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
