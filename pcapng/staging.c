/* SPDX-License-Identifier: MIT */
/*
 * staging.c - bytes on their way to the output
 *
 * The output may accept any number of bytes and stop anywhere. Accepted bytes are skipped (head);
 * the rest stays and is offered again, so that no block is ever torn. The bytes move to the front
 * of the buffer only if a quarter of it is free there: each byte moves a few times at most, however
 * little the output accepts at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/pages.h"
#include "pcapng/staging.h"

int staging_init(struct staging *s, size_t size, pcapng_output_fn output, void *user)
{
	s->buf = malloc(size);
	if (!s->buf)
		return -ENOMEM;
	s->size = size;
	s->reserve = size / 16;
	s->output = output;
	s->user = user;
	return 0;
}

void staging_set_buffer(struct staging *s, void *buf, size_t size, size_t used)
{
	s->buf = buf;
	s->size = size;
	s->reserve = size / 16;
	s->head = s->tail = used;
}

void staging_take_buffers(struct staging *s, staging_take_fn take, void *user, uint8_t *buf,
			  size_t size)
{
	size_t pending = staging_pending(s);

	memcpy(buf, s->buf + s->head, pending);
	free(s->buf);
	staging_set_buffer(s, buf, size, 0);
	staging_commit(s, pending);
	s->take = take;
	s->user = user;
}

/* Buffers that change hands are pages.h's. */
static void free_buffer(struct staging *s)
{
	if (s->take)
		pages_free(s->buf, s->size);
	else
		free(s->buf);
}

void staging_done(struct staging *s)
{
	free_buffer(s);
}

void staging_reset(struct staging *s)
{
	s->head = 0;
	s->tail = 0;
	s->first_hole = 0;
	s->end_hole = 0;
}

void staging_add_hole(struct staging *s, size_t offset, const void *data, size_t len)
{
	s->holes[s->end_hole++] = (struct hole){
		.offset = s->tail + offset,
		.len = len,
		.data = data,
	};
}

/* Before the caller gets its memory back, copies the part of it that is still pending. */
static void fill_holes(struct staging *s)
{
	for (; s->first_hole < s->end_hole; s->first_hole++) {
		const struct hole *hole = &s->holes[s->first_hole];

		memcpy(s->buf + hole->offset, hole->data, hole->len);
	}
	s->first_hole = 0;
	s->end_hole = 0;
}

static void add_iov(struct staging *s, int *n, const void *base, size_t len)
{
	if (!len)
		return;
	s->iovs[*n].iov_base = (void *)base;
	s->iovs[*n].iov_len = len;
	++*n;
}

/* The pending bytes in order: buffer, hole, buffer, hole, ..., buffer. */
static int list_iovs(struct staging *s)
{
	size_t at = s->head;
	int n = 0;

	for (unsigned int i = s->first_hole; i < s->end_hole; i++) {
		const struct hole *hole = &s->holes[i];
		size_t accepted = 0;

		if (hole->offset > at)
			add_iov(s, &n, s->buf + at, hole->offset - at);
		else
			accepted = at - hole->offset;
		add_iov(s, &n, (const uint8_t *)hole->data + accepted, hole->len - accepted);
		at = hole->offset + hole->len;
	}
	add_iov(s, &n, s->buf + at, s->tail - at);
	return n;
}

/* The output accepted `n` bytes. */
static void take(struct staging *s, size_t n)
{
	s->head += n;
	while (s->first_hole < s->end_hole) {
		const struct hole *hole = &s->holes[s->first_hole];

		if (hole->offset + hole->len > s->head)
			return;
		s->first_hole++;
	}
}

static int offer_once(struct staging *s)
{
	ssize_t r = s->output(s->user, s->iovs, list_iovs(s));

	if (r == -EINTR)
		return 0;
	if (r == 0)
		return -EAGAIN;
	if (r < 0)
		return r;
	if ((size_t)r > staging_pending(s))
		return -EPROTO; /* an output that accepts more than it was offered is broken */
	take(s, r);
	return 0;
}

int staging_offer(struct staging *s)
{
	int r = 0;

	if (s->take)
		return staging_pending(s) ? s->take(s->user, s, false) : 0;
	while (r == 0 && s->head < s->tail)
		r = offer_once(s);
	fill_holes(s);
	if (s->head == s->tail)
		staging_reset(s);
	return r;
}

/* A block larger than the buffer enlarges it. Holes are offsets and stay valid. */
static int grow(struct staging *s, size_t need)
{
	size_t size = need + need / 15 + 16;
	uint8_t *buf = s->take ? pages_new(size) : realloc(s->buf, size);

	if (!buf)
		return -ENOMEM;
	if (s->take) {
		memcpy(buf, s->buf, s->tail);
		free_buffer(s);
	}
	s->buf = buf;
	s->size = size;
	s->reserve = size - need;
	return 0;
}

static void move_to_front(struct staging *s)
{
	memmove(s->buf, s->buf + s->head, staging_pending(s));
	s->tail -= s->head;
	s->head = 0;
}

/* The buffer goes first: only an empty one is made larger. */
static int take_to_make_room(struct staging *s, size_t need, bool is_packet)
{
	int r = staging_pending(s) ? s->take(s->user, s, true) : 0;

	if (r < 0 && (r != -EAGAIN || staging_room(s, is_packet) < need))
		return r;
	if (r == 0 && staging_room(s, is_packet) < need)
		r = grow(s, s->head + need);
	return r == -EAGAIN ? 0 : r;
}

int staging_make_room(struct staging *s, size_t need, bool is_packet)
{
	int r;

	if (s->take)
		return take_to_make_room(s, need, is_packet);
	if (need > staging_limit(s, is_packet)) {
		r = grow(s, need);
		if (r < 0)
			return r;
	}
	r = staging_offer(s);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (staging_room(s, is_packet) >= need)
		return 0;
	if (s->head >= s->size / 4 || !is_packet)
		move_to_front(s);
	return staging_room(s, is_packet) >= need ? 0 : -EAGAIN;
}
