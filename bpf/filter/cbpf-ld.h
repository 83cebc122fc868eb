/* SPDX-License-Identifier: MIT */
/*
 * The state of a translation, and the loads in it: from the frame, directly or through a helper, with or
 * without a stripped VLAN tag, and from M[]. For cbpf.c alone, which explains the idea.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_LD_H
#define XDPTAP_BPF_FILTER_CBPF_LD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/filter/cbpf-plan.h"
#include "bpf/filter/ebpf.h"

/*
 * Registers. Those from r6 on survive a helper call. One register holds the data pointer, in the tagged
 * copy the tag, for a frame in plain memory its length, and for one that begins later its start.
 */
enum {
	R0,
	R1,
	R2,
	R3,
	R4,
	END,
	CTX,
	A,
	X,
	DATA,
	FP,
	TAG = DATA,
	LEN = DATA,
	START = DATA,
	HEAD_LEN = DATA
};

/* The stack, downward: what the helper loads, M[], and the registers r8 and r9 of CBPF_SKB. */
#define BUFFER_SIZE 8
#define MEMORY_SIZE 64

/* How to use a kind of context. */
struct access {
	int data, data_end, len; /* offsets in the context; len -1: a helper tells it */
	int load_helper;
	bool is_memory; /* no context, but the two registers of CBPF_MEMORY */
	bool has_start; /* the frame begins after the bytes that the register of CBPF_SKB_NETWORK tells */
	bool has_head; /* there may be a head */
};

struct translation {
	struct cbpf_plan plan;
	const struct access *access;
	int stack;
	bool has_tag;
	struct ebpf out;
	size_t *start;	 /* by label: its index in the output */
	bool is_used[2]; /* accept, reject */
};

/* Notes that a label is used. Others are left out: the verifier refuses unreachable instructions. */
static inline size_t cbpf_use(struct translation *t, size_t label)
{
	if (label >= cbpf_label_accept(&t->plan))
		t->is_used[label - cbpf_label_accept(&t->plan)] = true;
	return label;
}

static inline void cbpf_accept_or_reject(struct translation *t, bool accepts)
{
	ebpf_jump(&t->out,
		  cbpf_use(t, accepts ? cbpf_label_accept(&t->plan) : cbpf_label_reject(&t->plan)));
}

static inline int cbpf_buffer_offset(const struct translation *t)
{
	return t->stack - BUFFER_SIZE;
}

static inline int cbpf_mem_offset(const struct translation *t, uint32_t k)
{
	return t->stack - BUFFER_SIZE - 4 * ((int)k + 1);
}

static inline int cbpf_head_offset(const struct translation *t)
{
	return t->stack - BUFFER_SIZE - MEMORY_SIZE - 8;
}

static inline int cbpf_head_len_offset(const struct translation *t)
{
	return cbpf_head_offset(t) - 8;
}

/* Puts the load at an index of the filter into one of the copies. */
void cbpf_put_load(struct translation *t, int copy, size_t i);

#endif
