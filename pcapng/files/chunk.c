/* SPDX-License-Identifier: MIT */
/* chunk.c - buffers of blocks on their way to disk, and the orders that travel with them */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/files/chunk.h"

/* More than this is a chunk of its own. */
#define JOIN_MAX (CHUNK_MIN / 16)
/* A smaller buffer is the allocator's: a call of the kernel costs more than to fill it. */
#define PAGES_MIN (CHUNK_MIN / 8)

/* The allocator gives away whole pages, however little is asked for. */
static size_t round_up(size_t size)
{
	return (size + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
}

/* Aligned for direct I/O; `size` is a multiple of FILE_ALIGN. NULL: there is no memory. */
static uint8_t *memory_new(size_t size)
{
	void *memory;

	if (size >= PAGES_MIN)
		return pages_new(size);
	return posix_memalign(&memory, FILE_ALIGN, size ? size : FILE_ALIGN) == 0 ? memory : NULL;
}

static void memory_free(uint8_t *memory, size_t size)
{
	if (!memory)
		return;
	if (size >= PAGES_MIN)
		pages_free(memory, size);
	else
		free(memory);
}

/* The present counts; NULL: no memory. */
static uint64_t *copy_counts(const struct tally *tally)
{
	uint64_t *counts = calloc(tally->n ? tally->n : 1, sizeof(*counts));

	if (counts && tally->n)
		memcpy(counts, tally->added, tally->n * sizeof(*counts));
	return counts;
}

struct chunk *chunk_new(const struct tally *tally, const struct spool_order *order)
{
	struct chunk *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->counts = copy_counts(tally);
	if (!c->counts) {
		free(c);
		return NULL;
	}
	c->n_counts = tally->n;
	c->order = *order;
	return c;
}

void chunk_free(struct chunk *c)
{
	if (!c)
		return;
	pages_free(c->packed, c->packed_len);
	free(c->counts);
	memory_free(c->data, c->size);
	free(c);
}

void chunks_done(struct chunks *l)
{
	while (l->n_spares)
		pages_free(l->spares[--l->n_spares], l->size);
}

/* True: what `st` has is copied, because its buffer is too good for so little. */
static bool is_small(const struct staging *st)
{
	return st->tail < st->size / 4;
}

/* What a chunk with the bytes of `st` takes of the limit. */
static size_t cost(const struct staging *st, uint32_t n)
{
	if (!is_small(st))
		return st->tail;
	return round_up(st->tail) + FILE_ALIGN + n * sizeof(uint64_t);
}

bool chunks_have_room(const struct chunks *l, const struct staging *st, uint32_t n)
{
	return !l->first || l->allocated + cost(st, n) <= l->limit;
}

/* A copy of few bytes; else another buffer for those that follow. NULL: no memory. */
static uint8_t *get_memory(struct chunks *l, const struct staging *st)
{
	if (is_small(st))
		return memory_new(round_up(st->tail));
	return l->n_spares ? l->spares[--l->n_spares] : pages_new(l->size);
}

static void fill(const struct chunks *l, struct chunk *c, struct staging *st, size_t kept,
		 uint8_t *other)
{
	bool small = is_small(st);
	size_t size = small ? st->size : l->size;
	uint8_t *next = small ? st->buf : other;

	c->start = st->head;
	c->end = st->tail;
	c->size = small ? round_up(c->end) : st->size;
	c->cost = small ? cost(st, c->n_counts) : c->size;
	c->data = small ? other : st->buf;
	if (small)
		memcpy(other, st->buf, c->end);
	memmove(next, c->data + c->end - kept, kept);
	staging_set_buffer(st, next, size, kept);
}

static void note_queued(struct chunks *l, size_t n)
{
	l->queued += n;
	if (l->queued > l->peak)
		l->peak = l->queued;
}

int chunks_append(struct chunks *l, struct chunk *c, struct staging *st, size_t kept)
{
	uint8_t *other = get_memory(l, st);

	if (!other)
		return -ENOMEM;
	fill(l, c, st, kept, other);
	if (l->first)
		l->newest->next = c;
	else
		l->first = c;
	l->newest = c;
	l->allocated += c->cost;
	note_queued(l, chunk_len(c));
	return 0;
}

/* Makes room for `end` bytes, within the limit. */
static bool enlarge(struct chunks *l, struct chunk *c, size_t end)
{
	size_t size = round_up(end > 2 * c->size ? end : 2 * c->size), more = size - c->size;
	uint8_t *data;

	if (end <= c->size)
		return true;
	if (l->allocated + more > l->limit)
		return false;
	data = memory_new(size);
	if (!data)
		return false;
	memcpy(data, c->data, c->end);
	memory_free(c->data, c->size);
	c->data = data;
	c->size = size;
	c->cost += more;
	l->allocated += more;
	return true;
}

static bool can_join(const struct chunks *l, size_t n)
{
	const struct chunk *c = l->newest;

	return l->first && c != l->first && !c->order.ends_file && n <= JOIN_MAX &&
	       c->end + n <= l->size;
}

bool chunks_join(struct chunks *l, struct staging *st, size_t kept, const struct tally *tally,
		 const struct spool_order *order)
{
	size_t n = staging_pending(st);
	struct chunk *c = l->newest;
	uint64_t *counts = can_join(l, n) ? copy_counts(tally) : NULL;

	if (!counts || !enlarge(l, c, c->end + n)) {
		free(counts);
		return false;
	}
	free(c->counts);
	c->counts = counts;
	c->n_counts = tally->n;
	memcpy(c->data + c->end, st->buf + st->head, n);
	c->end += n;
	memmove(st->buf, st->buf + st->tail - kept, kept);
	staging_set_buffer(st, st->buf, st->size, kept);
	c->order.syncs |= order->syncs;
	c->order.ends_file = order->ends_file;
	c->order.is_last = order->is_last;
	c->order.now = order->now;
	note_queued(l, n);
	return true;
}

int chunk_pack(struct chunk *c, struct gzip *gzip)
{
	const struct memory *member;
	int r = chunk_len(c) ? gzip_pack(gzip, c->data + c->start, chunk_len(c), &member) : 0;

	if (r < 0 || !chunk_len(c))
		return r;
	c->packed = pages_new(member->len);
	if (!c->packed)
		return -ENOMEM;
	memcpy(c->packed, member->data, member->len);
	c->packed_len = member->len;
	return 0;
}

void chunks_drop_raw(struct chunks *l, struct chunk *c)
{
	if (c->data && c->size == l->size && l->n_spares < CHUNKS_SPARES &&
	    (l->n_spares + 1) * l->size <= CHUNKS_SPARE_BYTES)
		l->spares[l->n_spares++] = c->data;
	else
		memory_free(c->data, c->size);
	c->data = NULL;
}

void chunks_retire(struct chunks *l)
{
	struct chunk *c = l->first;

	l->first = c->next;
	l->allocated -= c->cost;
	l->queued -= chunk_len(c);
	chunks_drop_raw(l, c);
	chunk_free(c);
}
