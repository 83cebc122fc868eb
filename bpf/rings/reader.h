/* SPDX-License-Identifier: MIT */
/*
 * The reader of all rings: it merges them, and knows when to look at them again.
 *
 * Nothing wakes it for each frame. While frames arrive, it looks every few ms by itself. A CPU that fills a
 * good share of its ring earlier wakes it. After two looks that find nothing it arms all CPUs and sleeps
 * until the first frame: an idle tap costs nothing.
 */
#ifndef XDPTAP_BPF_RINGS_READER_H
#define XDPTAP_BPF_RINGS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/rings/merge.h"
#include "bpf/wire.h"

struct reader {
	struct merge merge;
	int epoll_fd;
	struct wire_cpu *cpu; /* borrowed: the words of the CPUs */
	unsigned int n_cpus;
	unsigned int empty_looks; /* in a row */
};

/* A reader without rings. 0 or -errno; *r is safe for reader_done() either way. */
int reader_init(struct reader *r, struct wire_cpu *cpu, unsigned int n_cpus);
void reader_done(struct reader *r);
/* Adds a ring of "size" bytes; its descriptor stays the caller's. Not during a batch. 0 or -errno. */
int reader_add(struct reader *r, int ring_fd, size_t size);
/* Consumes the wake-ups so far; whatever follows is a new one. Precedes each look. */
void reader_wake(struct reader *r);
/* After a look at the rings: whether it found nothing. */
void reader_note_look(struct reader *r, bool was_empty);
/* How long to sleep until the next look; -1: until epoll_fd is readable. */
int reader_wait_ms(const struct reader *r);

#endif
