/* SPDX-License-Identifier: MIT */
/* A merge of two rings in plain memory, which a test fills as the kernel does, or worse. */
#ifndef XDPTAP_TESTS_BPF_RINGS_MEMORY_H
#define XDPTAP_TESTS_BPF_RINGS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/rings/merge.h"

#define MEMORY_SIZE 4096

/* A ring as the kernel maps it; the second half of the data mirrors the first. */
struct memory_ring {
	uint64_t consumer, producer;
	_Alignas(8) uint8_t data[2 * MEMORY_SIZE];
};

struct memory {
	struct memory_ring rings[2];
	struct merge merge;
};

void memory_init(struct memory *m);
void memory_done(struct memory *m);
/* Stores bytes at a position, in both halves. */
void memory_poke(struct memory_ring *r, uint64_t pos, const void *from, size_t len);
/* Appends one record; "flags" go into its length word. Returns its position. */
uint64_t memory_append(struct memory_ring *r, const void *body, uint32_t len, uint32_t flags);
/* Appends a record with room for 64 bytes of a frame of slot 0. */
void memory_append_frame(struct memory_ring *r, uint64_t ts_ns, uint32_t caplen, uint32_t len);

#endif
