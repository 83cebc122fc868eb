/* SPDX-License-Identifier: MIT */
/*
 * What cbpf.c must know about a filter before it writes the first instruction: which instructions of
 * each copy are reachable, and where the fast copy needs a check. cbpf.c explains the idea.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_PLAN_H
#define XDPTAP_BPF_FILTER_CBPF_PLAN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CBPF_FAST, CBPF_SLOW, CBPF_TAGGED, CBPF_COPIES };

#define CBPF_UNREACHED	UINT32_MAX
#define CBPF_DIRECT_MAX 0x7fff /* the reach of direct loads: instruction offsets have 16 bits */
#define CBPF_OFFSET_MAX (INT32_MAX - 4) /* beyond any frame, and the maximum that helpers accept */

struct cbpf_plan {
	const struct sock_filter *filter;
	size_t n;
	/* For each instruction of the fast copy: bytes known to be linear, or CBPF_UNREACHED. */
	uint32_t *linear;
	bool *is_reached[CBPF_COPIES]; /* for the copies that call helpers */
	uint32_t mem_is_read;	       /* a bit for each M[] */
	bool has_direct;	       /* the fast copy has loads */
};

/* Labels: the instructions of the first copy, the second and so on; then accept and reject. */
static inline size_t cbpf_label(const struct cbpf_plan *p, int copy, size_t i)
{
	return (size_t)copy * p->n + i;
}

static inline size_t cbpf_label_accept(const struct cbpf_plan *p)
{
	return CBPF_COPIES * p->n;
}

static inline size_t cbpf_label_reject(const struct cbpf_plan *p)
{
	return CBPF_COPIES * p->n + 1;
}

static inline bool cbpf_is_load(const struct sock_filter *f)
{
	unsigned int mode = BPF_MODE(f->code);

	if (BPF_CLASS(f->code) == BPF_LD)
		return mode == BPF_ABS || mode == BPF_IND;
	return BPF_CLASS(f->code) == BPF_LDX && mode == BPF_MSH;
}

static inline bool cbpf_is_indirect(const struct sock_filter *f)
{
	return BPF_MODE(f->code) == BPF_IND;
}

/* Bytes that a load reads. */
static inline uint32_t cbpf_load_size(const struct sock_filter *f)
{
	return BPF_SIZE(f->code) == BPF_W ? 4 : BPF_SIZE(f->code) == BPF_H ? 2 : 1;
}

/* Whether the fast copy may do this load: the verifier must see that the offset is small. */
static inline bool cbpf_may_be_direct(const struct sock_filter *f)
{
	return f->k <= CBPF_DIRECT_MAX - 4;
}

/* Whether any frame is long enough for this load. */
static inline bool cbpf_may_succeed(const struct sock_filter *f)
{
	return f->k <= CBPF_OFFSET_MAX;
}

/*
 * Plans n instructions that cbpf_check() accepted: whether execution may begin in the copy for tagged
 * frames, in the fast one and in the slow one. 0 or -ENOMEM; cbpf_plan_done() either way.
 */
int cbpf_plan_init(struct cbpf_plan *p, const struct sock_filter *filter, size_t n, bool has_tag,
		   bool has_fast, bool has_slow);
void cbpf_plan_done(struct cbpf_plan *p);
/* Where a jump to an instruction leads in the end: through other jumps; for a return, to accept or reject. */
size_t cbpf_plan_resolve(const struct cbpf_plan *p, int copy, size_t i);

#endif
