/* SPDX-License-Identifier: MIT */
/*
 * Reader of one BPF ring buffer, mapped into this process.
 *
 * Unlike libbpf's, it publishes its position once per batch and not once per record, so records
 * stay valid until ring_release(): they can be written straight from the mapping.
 */
#ifndef XDPTAP_BPF_RINGS_RING_H
#define XDPTAP_BPF_RINGS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	size_t size;	     /* bytes of data, a power of two */
	uint64_t *consumer;  /* our page: the position up to which the kernel may overwrite */
	uint64_t *producer;  /* the kernel's page, read-only: how far it has written */
	const uint8_t *data; /* the data, mapped twice in a row */
	uint64_t pos;	     /* the next record to look at */
	uint64_t end;	     /* what the producer's position was at ring_refresh() */
	uint32_t next;	     /* bytes from pos to the record after the one at pos */
};

enum ring_state {
	RING_EMPTY,  /* nothing up to "end" */
	RING_BUSY,   /* the next record is still being written on its CPU: microseconds */
	RING_RECORD, /* there is one */
	RING_BROKEN, /* a length that cannot be: the ring is given up, nothing more comes from it */
};

/* Maps the ring buffer "fd" (which stays the caller's) of "size" bytes. 0 or -errno. */
int ring_init(struct ring *r, int fd, size_t size);
/* Unmaps; a zeroed ring is fine. */
void ring_done(struct ring *r);
/* Looks how far the kernel has written by now; ring_peek() goes no further than that. */
void ring_refresh(struct ring *r);
/* The next record; its bytes are valid until ring_release(). Steps over discarded ones. */
enum ring_state ring_peek(struct ring *r, const void **ret_data, uint32_t *ret_len);
/* Steps over the record that ring_peek() just returned. */
void ring_next(struct ring *r);
/* Gives everything stepped over back to the kernel. */
void ring_release(struct ring *r);

#endif
