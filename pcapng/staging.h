/* SPDX-License-Identifier: MIT */
/*
 * staging.h - bytes on their way to the output
 *
 * One buffer holds the bytes that the output has not accepted: buf[head] to buf[tail]. Large packet
 * data is not copied into it: it leaves a hole of its size, and the output gets the caller's memory
 * instead. Before the caller gets that memory back, the remaining holes are filled. So there is
 * always room for everything accepted, whatever the output does.
 */
#ifndef PCAPNG_STAGING_H
#define PCAPNG_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "pcapng/writer.h"

/* One output call gets at most IOV_MAX (1024) entries: buffer before, between and after holes. */
#define STAGING_HOLES 511
#define STAGING_IOVS  (2 * STAGING_HOLES + 1)

struct hole {
	size_t offset; /* in buf */
	size_t len;
	const void *data; /* the caller's */
};

/*
 * Takes the pending bytes together with their buffer, and puts another in its place: of any size, with
 * head = tail >= 0. Both buffers are pages_new()'s. `must`: there is no room in this one; else it may leave everything as it is. 0,
 * -EAGAIN or an error, and nothing was taken.
 */
struct staging;
typedef int (*staging_take_fn)(void *user, struct staging *s, bool must);

struct staging {
	pcapng_output_fn output;
	staging_take_fn take; /* not NULL: instead of output, and there are never holes */
	void *user;
	uint8_t *buf;
	size_t size;
	size_t reserve; /* part of size that only blocks other than packets may use */
	size_t head, tail;
	unsigned int first_hole, end_hole; /* holes[first_hole] to holes[end_hole - 1], by offset */
	struct hole holes[STAGING_HOLES];
	struct iovec iovs[STAGING_IOVS];
};

/* Allocates `size` bytes, a sixteenth of them in reserve. 0 or -ENOMEM. */
int staging_init(struct staging *s, size_t size, pcapng_output_fn output, void *user);

/*
 * From now on, whole buffers go to `take`, the first one is `buf`, of pages_new(size), and what is pending
 * moves there. Nothing may be referenced, so copy_below is SIZE_MAX.
 */
void staging_take_buffers(struct staging *s, staging_take_fn take, void *user, uint8_t *buf,
			  size_t size);

/* A buffer of `size` bytes, whose first `used` are not pending. */
void staging_set_buffer(struct staging *s, void *buf, size_t size, size_t used);

/* Accepts a zeroed struct. */
void staging_done(struct staging *s);

/* Discards all bytes and holes. */
void staging_reset(struct staging *s);

/* Commits `len` bytes, which were written at staging_at(). */
static inline void staging_commit(struct staging *s, size_t len)
{
	s->tail += len;
}

/* Declares that `len` bytes of the next commit, `offset` after staging_at(), are at `data`. */
void staging_add_hole(struct staging *s, size_t offset, const void *data, size_t len);

/*
 * Makes room for one block of `need` bytes: offers the pending bytes to the output, and grows for a
 * block larger than the buffer. Afterwards there are no holes.
 *
 * Returns 0, -EAGAIN, -ENOMEM or the error of the output.
 */
int staging_make_room(struct staging *s, size_t need, bool is_packet);

/* Offers everything. 0, -EAGAIN or the error of the output. Afterwards there are no holes. */
int staging_offer(struct staging *s);

static inline size_t staging_pending(const struct staging *s)
{
	return s->tail - s->head;
}

/* The address of the next block. */
static inline uint8_t *staging_at(const struct staging *s)
{
	return s->buf + s->tail;
}

static inline size_t staging_limit(const struct staging *s, bool is_packet)
{
	return is_packet ? s->size - s->reserve : s->size;
}

/* True: a block of `len` bytes needs no staging_make_room(). */
static inline bool staging_has_room(const struct staging *s, size_t len, bool is_packet)
{
	return s->tail + len <= staging_limit(s, is_packet);
}

/* The maximum length of the next block without staging_make_room(). */
static inline size_t staging_room(const struct staging *s, bool is_packet)
{
	size_t limit = staging_limit(s, is_packet);

	return s->tail < limit ? limit - s->tail : 0;
}

static inline bool staging_has_holes_left(const struct staging *s, size_t n)
{
	return n <= STAGING_HOLES - s->end_hole;
}

#endif /* PCAPNG_STAGING_H */
