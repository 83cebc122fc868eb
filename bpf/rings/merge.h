/* SPDX-License-Identifier: MIT */
/*
 * One stream in time order out of one ring per CPU.
 *
 * Within a ring records lie in the order of their time stamps. Across rings the earliest goes
 * first, but a record younger than the hold-back waits while more than one ring is in use: a
 * record stamped before it may not be visible on another CPU yet. With one ring in use only what
 * came after the look at the rings began waits, for the next look.
 */
#ifndef XDPTAP_BPF_RINGS_MERGE_H
#define XDPTAP_BPF_RINGS_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/rings/ring.h"
#include "bpf/wire.h"

/* How long a record waits for an earlier one: far longer than stamping and reserving take. */
#define MERGE_HOLD_NS 2000000

struct merge_input {
	struct ring ring;
	const struct wire_frame *head; /* the next record, checked; NULL: none now */
	uint64_t used_ns;	       /* CLOCK_MONOTONIC when the ring last held a record */
	bool is_broken;		       /* its lengths made no sense: not read any more */
};

/* A record of this slot was refused. */
typedef void (*merge_refuse_fn)(void *user, uint32_t slot);

struct merge {
	struct merge_input *inputs;
	unsigned int n_inputs;
	struct merge_input *current; /* what merge_next() took last */
	uint64_t current_until;	     /* it stays the earliest up to this time stamp */
	uint64_t limit_ns;	     /* records with later stamps wait */
	uint64_t last_ns;	     /* the last stamp given out */
	uint64_t refused;	     /* records whose lengths contradict each other */
	unsigned int n_broken;	     /* inputs given up */
	merge_refuse_fn refuse; /* told of a refused record whose slot can be read; may be NULL */
	void *user;
};

/* Inputs with size zero rings; fill inputs[].ring by ring_init(). 0 or -ENOMEM. */
int merge_init(struct merge *m, unsigned int n_inputs);
void merge_done(struct merge *m);
/*
 * Begins a batch: looks once how far each ring is filled, so that a batch ends however fast the
 * frames come. now_ns is CLOCK_MONOTONIC, read before; with "all" nothing is held back.
 */
void merge_begin(struct merge *m, uint64_t now_ns, bool all);
/*
 * The next record, or NULL where the batch ends. *ret_ns is its time, which never lies before that
 * of the record given out last: a rare straggler's is later than its own stamp.
 */
const struct wire_frame *merge_next(struct merge *m, uint64_t *ret_ns);
/* Ends a batch: the records given out may be overwritten from now on. */
void merge_end(struct merge *m);
/* Whether records wait that a later batch will give out. */
bool merge_is_pending(const struct merge *m);

#endif
