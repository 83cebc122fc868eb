/* SPDX-License-Identifier: MIT */
/*
 * Reader of one BPF ring buffer, mapped into this process.
 *
 * Unlike libbpf's, it publishes its position once per batch instead of once per record. So records
 * stay valid until ring_release() and can be written straight from the mapping.
 */
#ifndef XDPTAP_BPF_RINGS_RING_H
#define XDPTAP_BPF_RINGS_RING_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	size_t size;	    /* bytes of data, a power of two */
	uint64_t *consumer; /* our page: the position up to which the kernel may overwrite */
	uint64_t *
		producer; /* the kernel's page, read-only: the position up to which it has written */
	const uint8_t *data; /* the data, mapped twice in a row */
	uint64_t pos;	     /* the next record to look at */
	uint64_t end;	     /* what the producer's position was at ring_refresh() */
	uint32_t next;	     /* bytes from pos to the record after the one at pos */
};

enum ring_state {
	RING_EMPTY,  /* no record up to "end" */
	RING_BUSY,   /* the next record is still being written: for microseconds */
	RING_RECORD, /* there is a record */
	RING_BROKEN, /* an impossible length: the ring is given up, nothing more comes from it */
};

/* Maps the ring buffer "fd", which stays the caller's, of "size" bytes. 0 or -errno. */
int ring_init(struct ring *r, int fd, size_t size);
/* Unmaps; a zeroed ring is allowed. */
void ring_done(struct ring *r);
/* Reads how far the kernel has written; ring_peek() goes no further. */
void ring_refresh(struct ring *r);
/* Steps over the record that ring_peek() returned last. */
static inline void ring_next(struct ring *r)
{
	r->pos += r->next;
}

/*
 * Fetches the head of a later record, if records have the same length up to there. Another CPU wrote it, and the
 * processor cannot guess where it is; what follows a head it finds by itself.
 */
static inline void ring_look_ahead(const struct ring *r, const uint8_t *at)
{
	uintptr_t later = (uintptr_t)at + 4 * (uintptr_t)r->next;

	__builtin_prefetch((const void *)later);
	__builtin_prefetch((const void *)(later + 64));
}

/* The next record; its bytes are valid until ring_release(). Steps over discarded ones. */
static inline enum ring_state ring_peek(struct ring *r, const void **ret_data, uint32_t *ret_len)
{
	while (r->pos < r->end) {
		const uint8_t *at = r->data + (r->pos & (r->size - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)(const void *)at,
						__ATOMIC_ACQUIRE);
		uint32_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return RING_BUSY;
		r->next = (len + BPF_RINGBUF_HDR_SZ + 7) & ~7U;
		if (r->next > r->end - r->pos)
			return RING_BROKEN;
		ring_look_ahead(r, at);
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			*ret_data = at + BPF_RINGBUF_HDR_SZ;
			*ret_len = len;
			return RING_RECORD;
		}
		ring_next(r);
	}
	return RING_EMPTY;
}

/* Gives the space of all records stepped over back to the kernel. */
void ring_release(struct ring *r);

#endif
