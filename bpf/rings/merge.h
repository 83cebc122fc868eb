/* SPDX-License-Identifier: MIT */
/*
 * Merges the rings, one per CPU, into one stream in time order.
 *
 * Within a ring, records are in the order of their time stamps. Across rings the earliest goes first,
 * but a record younger than the hold-back waits while more than one ring is in use: an earlier one may
 * not be visible on another CPU yet. While a single ring is in use, only records stamped after the
 * batch began wait for the next batch.
 */
#ifndef XDPTAP_BPF_RINGS_MERGE_H
#define XDPTAP_BPF_RINGS_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/rings/ring.h"
#include "bpf/wire.h"

/* How long a record waits for an earlier one: far longer than it takes to stamp and reserve. */
#define MERGE_HOLD_NS 2000000

struct merge_input {
	struct ring ring;
	const struct wire_frame *head; /* the next record, checked; NULL: none now */
	uint64_t used_ns;	       /* CLOCK_MONOTONIC when the ring last held a record */
	bool is_broken;		       /* it held an impossible length: not read any more */
};

/* A record of this slot was refused. */
typedef void (*merge_refuse_fn)(void *user, uint32_t slot);

/* An input that has a record, and the record's time stamp. */
struct merge_head {
	uint64_t ts_ns;
	struct merge_input *input;
};

struct merge {
	struct merge_input *inputs;
	unsigned int n_inputs;
	struct merge_head *heads; /* a heap: the earliest first */
	unsigned int n_heads;
	uint64_t second_ns;	/* the earliest time stamp of the other heads */
	uint64_t limit_ns;	/* records with later stamps wait */
	uint64_t last_ns;	/* the last time stamp given out */
	uint64_t refused;	/* records whose lengths contradict each other */
	unsigned int n_broken;	/* inputs given up */
	merge_refuse_fn refuse; /* told of a refused record whose slot can be read; may be NULL */
	void *user;
};

/* Creates inputs with empty rings; ring_init() fills in inputs[].ring. 0 or -ENOMEM. */
int merge_init(struct merge *m, unsigned int n_inputs);
/* Adds an input that reads this ring, and owns it then. Not during a batch. 0 or -ENOMEM. */
int merge_add(struct merge *m, const struct ring *ring);
void merge_done(struct merge *m);
/*
 * Begins a batch: looks once how full each ring is, so that the batch ends however fast frames arrive.
 * now_ns is CLOCK_MONOTONIC, read before the call; with "all" nothing is held back.
 */
void merge_begin(struct merge *m, uint64_t now_ns, bool all);
/*
 * The next record, or NULL at the end of the batch. *ret_ns is its time, which is never before the
 * previous record's: a rare straggler gets a later time than its own stamp.
 */
const struct wire_frame *merge_next(struct merge *m, uint64_t *ret_ns);
/* Ends a batch: from now on the records given out may be overwritten. */
void merge_end(struct merge *m);
/* Whether records are waiting for a later batch. */
bool merge_is_pending(const struct merge *m);

#endif
