/* SPDX-License-Identifier: MIT */
/*
 * A translation under way, and the part of it that loads: from the frame, directly or through a helper,
 * with a VLAN tag put back or not, and from M[]. For cbpf.c alone, which tells the idea.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_LD_H
#define XDPTAP_BPF_FILTER_CBPF_LD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/filter/cbpf-plan.h"
#include "bpf/filter/ebpf.h"

/*
 * Registers. Those from r6 on survive a helper call. The tagged copy has the tag where others have data,
 * and where the frame is read as memory its length is there.
 */
enum { R0, R1, R2, R3, R4, END, CTX, A, X, DATA, FP, TAG = DATA, LEN = DATA };

#define BUFFER_SIZE 8 /* of the stack: what the helper loads, and below that M[] */

/* How a kind of context is used. */
struct access {
	int data, data_end, len; /* offsets in the context; no len: -1, and a helper */
	int load_helper;
	bool is_memory; /* there is no context, but CBPF_MEMORY's two registers */
};

struct translation {
	struct cbpf_plan plan;
	const struct access *access;
	int stack;
	bool has_tag;
	struct ebpf out;
	size_t *start;	 /* by label: where in the output it stands */
	bool is_used[2]; /* accept, reject */
};

/* A label that is never used must not be there: the verifier refuses what cannot be reached. */
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

/* Puts the load that stands at an index of the filter into one of the copies. */
void cbpf_put_load(struct translation *t, int copy, size_t i);

#endif
