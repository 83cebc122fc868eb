/* SPDX-License-Identifier: MIT */
/* All jumps lead forward, so one pass visits every instruction after all its predecessors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/filter/cbpf-plan.h"

size_t cbpf_plan_resolve(const struct cbpf_plan *p, int copy, size_t i)
{
	while (p->filter[i].code == (BPF_JMP | BPF_JA))
		i += 1 + p->filter[i].k;
	if (p->filter[i].code == (BPF_RET | BPF_K))
		return p->filter[i].k ? cbpf_label_accept(p) : cbpf_label_reject(p);
	return cbpf_label(p, copy, i);
}

static void reach(struct cbpf_plan *p, int copy, size_t i, uint32_t linear)
{
	if (copy != CBPF_FAST)
		p->is_reached[copy][i] = true;
	else if (linear < p->linear[i]) /* CBPF_UNREACHED is the largest */
		p->linear[i] = linear;
}

static void reach_by_jump(struct cbpf_plan *p, int copy, size_t i, uint32_t linear)
{
	size_t label = cbpf_plan_resolve(p, copy, i);

	if (label < cbpf_label_accept(p))
		reach(p, copy, label - cbpf_label(p, copy, 0), linear);
}

/* A reachable instruction of one copy makes its successors reachable. */
static void flow(struct cbpf_plan *p, int copy, size_t i, uint32_t linear)
{
	const struct sock_filter *f = &p->filter[i];

	if (BPF_CLASS(f->code) == BPF_RET)
		return;
	if (f->code == (BPF_JMP | BPF_JA)) {
		reach_by_jump(p, copy, i, linear);
	} else if (BPF_CLASS(f->code) == BPF_JMP) {
		reach_by_jump(p, copy, i + 1 + f->jt, linear);
		reach_by_jump(p, copy, i + 1 + f->jf, linear);
	} else {
		reach(p, copy, i + 1, linear);
	}
}

/* A load in the fast copy: its check holds from there on; if it fails, the slow copy takes over. */
static void flow_fast_load(struct cbpf_plan *p, size_t i)
{
	const struct sock_filter *f = &p->filter[i];
	uint32_t linear = p->linear[i], end = f->k + cbpf_load_size(f);

	if (!cbpf_may_be_direct(f)) {
		p->is_reached[CBPF_SLOW][i] = true;
		return;
	}
	p->has_direct = true;
	if (cbpf_is_indirect(f)) {
		p->is_reached[CBPF_SLOW][i] = true;
	} else if (end > linear) {
		p->is_reached[CBPF_SLOW][i] = true;
		linear = end;
	}
	flow(p, CBPF_FAST, i, linear);
}

static bool is_used(const struct cbpf_plan *p, size_t i)
{
	return p->linear[i] != CBPF_UNREACHED || p->is_reached[CBPF_SLOW][i] ||
	       p->is_reached[CBPF_TAGGED][i];
}

static void visit(struct cbpf_plan *p, size_t i)
{
	const struct sock_filter *f = &p->filter[i];
	unsigned int class = BPF_CLASS(f->code);
	bool is_load = cbpf_is_load(f);

	if ((class == BPF_LD || class == BPF_LDX) && BPF_MODE(f->code) == BPF_MEM)
		p->mem_is_read |= 1u << f->k;
	if (p->linear[i] != CBPF_UNREACHED && is_load)
		flow_fast_load(p, i);
	else if (p->linear[i] != CBPF_UNREACHED)
		flow(p, CBPF_FAST, i, p->linear[i]);
	for (int copy = CBPF_SLOW; copy < CBPF_COPIES; copy++)
		if (p->is_reached[copy][i] && (!is_load || cbpf_may_succeed(f)))
			flow(p, copy, i, 0);
}

int cbpf_plan_init(struct cbpf_plan *p, const struct sock_filter *filter, size_t n, bool has_tag,
		   bool has_fast, bool has_slow)
{
	*p = (struct cbpf_plan){
		.filter = filter,
		.n = n,
		.linear = malloc(n * sizeof(*p->linear)),
		.is_reached[CBPF_SLOW] = calloc(n, sizeof(bool)),
		.is_reached[CBPF_TAGGED] = calloc(n, sizeof(bool)),
	};
	if (!p->linear || !p->is_reached[CBPF_SLOW] || !p->is_reached[CBPF_TAGGED])
		return -ENOMEM;
	memset(p->linear, 0xff, n * sizeof(*p->linear)); /* CBPF_UNREACHED */
	if (has_fast)
		p->linear[0] = 0;
	p->is_reached[CBPF_SLOW][0] = has_slow;
	p->is_reached[CBPF_TAGGED][0] = has_tag;
	for (size_t i = 0; i < n; i++)
		if (is_used(p, i))
			visit(p, i);
	return 0;
}

void cbpf_plan_done(struct cbpf_plan *p)
{
	free(p->linear);
	free(p->is_reached[CBPF_SLOW]);
	free(p->is_reached[CBPF_TAGGED]);
}
