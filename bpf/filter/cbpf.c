/* SPDX-License-Identifier: MIT */
/*
 * The translation contains several copies of the filter, one after the other.
 *
 * The fast copy reads the frame directly. If the linear part of the frame may be too short for a load,
 * a check precedes it; a check that succeeds holds for everything after it, so most loads have none. A
 * check that fails decides nothing: execution continues at the same instruction of the slow copy, with
 * A, X and M[] as they are.
 *
 * The slow copy calls a helper for each load. The helper sees the complete frame, including the
 * fragments of a jumbo frame, and fails only beyond its end. Only a return leaves the slow copy, so the
 * checks of the fast copy are never repeated.
 *
 * The third, optional copy is like the slow one, for frames from which the NIC stripped a VLAN tag: a
 * load after the addresses gets the tag first, and then the rest.
 *
 * A frame that is plain memory has no direct access, and so only the slow copy. So has a frame that
 * begins at its network header: its helper adds the offset of that. A frame with a head uses the slow copy,
 * too, where a load that begins in the head reads it instead.
 *
 * cbpf-plan.c finds out which instructions of each copy are reachable. The others are left out: the
 * verifier refuses unreachable instructions.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/filter/cbpf-check.h"
#include "bpf/filter/cbpf-ld.h"
#include "bpf/filter/cbpf-plan.h"
#include "bpf/filter/cbpf.h"
#include "bpf/filter/ebpf.h"

static const struct access accesses[] = {
	[CBPF_XDP] = { .data = offsetof(struct xdp_md, data),
		       .data_end = offsetof(struct xdp_md, data_end),
		       .len = -1,
		       .load_helper = BPF_FUNC_xdp_load_bytes },
	[CBPF_SKB] = { .data = offsetof(struct __sk_buff, data),
		       .data_end = offsetof(struct __sk_buff, data_end),
		       .len = offsetof(struct __sk_buff, len),
		       .load_helper = BPF_FUNC_skb_load_bytes,
		       .has_head = true },
	[CBPF_SKB_NETWORK] = { .len = offsetof(struct __sk_buff, len),
			       .load_helper = BPF_FUNC_skb_load_bytes,
			       .has_start = true,
			       .has_head = true },
	[CBPF_MEMORY] = { .load_helper = BPF_FUNC_probe_read_kernel, .is_memory = true },
};

static bool has_fast(const struct translation *t)
{
	return !t->access->is_memory && !t->access->has_start;
}

static void put_begin(struct translation *t)
{
	if (t->access->has_head) {
		ebpf_store(&t->out, BPF_DW, FP, cbpf_head_offset(t), X);
		ebpf_store(&t->out, BPF_DW, FP, cbpf_head_len_offset(t), HEAD_LEN);
		ebpf_alu64_reg(&t->out, BPF_MOV, R1, HEAD_LEN);
	}
	if (t->has_tag || t->access->is_memory || t->access->has_start)
		ebpf_alu32_reg(&t->out, BPF_MOV, TAG, A); /* r7: the tag, the length or the start */
	ebpf_alu32(&t->out, BPF_MOV, A, 0);
	ebpf_alu32(&t->out, BPF_MOV, X, 0);
	for (uint32_t k = 0; k < BPF_MEMWORDS; k++)
		if (t->plan.mem_is_read & (1u << k))
			ebpf_store_constant(&t->out, BPF_W, FP, cbpf_mem_offset(t, k), 0);
	if (t->access->has_head && has_fast(t))
		ebpf_jump_if(&t->out, BPF_JNE, R1, 0, cbpf_label(&t->plan, CBPF_SLOW, 0));
	if (t->has_tag)
		ebpf_jump_if(&t->out, BPF_JNE, TAG, 0, cbpf_label(&t->plan, CBPF_TAGGED, 0));
	if (t->plan.has_direct) {
		ebpf_load(&t->out, BPF_W, DATA, CTX, t->access->data);
		ebpf_load(&t->out, BPF_W, END, CTX, t->access->data_end);
	}
}

/* By X: a shift by 32 or more gives zero; eBPF takes the count modulo 32. */
static void put_shift(struct translation *t, int op)
{
	struct bpf_insn skip_if_small = {
		.code = BPF_JMP32 | BPF_JLE | BPF_K, .dst_reg = X, .off = 1, .imm = 31
	};

	ebpf_put(&t->out, skip_if_small, EBPF_NO_LABEL);
	ebpf_alu32(&t->out, BPF_MOV, A, 0);
	ebpf_alu32_reg(&t->out, op, A, X);
}

static void put_alu(struct translation *t, const struct sock_filter *f)
{
	int op = BPF_OP(f->code);

	if (op == BPF_NEG) {
		ebpf_alu32(&t->out, BPF_NEG, A, 0);
	} else if (BPF_SRC(f->code) == BPF_K) {
		ebpf_alu32(&t->out, op, A, f->k);
	} else if (op == BPF_LSH || op == BPF_RSH) {
		put_shift(t, op);
	} else {
		if (op == BPF_DIV || op == BPF_MOD)
			ebpf_jump_if(&t->out, BPF_JEQ, X, 0,
				     cbpf_use(t, cbpf_label_reject(&t->plan)));
		ebpf_alu32_reg(&t->out, op, A, X);
	}
}

/* 32 bits wide and unsigned, so that a constant with bit 31 set means the same as in classic BPF. */
static void put_compare(struct translation *t, const struct sock_filter *f, int op, size_t label)
{
	bool is_constant = BPF_SRC(f->code) == BPF_K;
	struct bpf_insn insn = {
		.code = (uint8_t)(BPF_JMP32 | op | BPF_SRC(f->code)),
		.dst_reg = A,
		.src_reg = is_constant ? 0 : X,
		.imm = is_constant ? (int32_t)f->k : 0,
	};

	ebpf_put(&t->out, insn, cbpf_use(t, label));
}

/* The comparison that is true where "op" is false, or -1. */
static int opposite(int op)
{
	switch (op) {
	case BPF_JEQ: return BPF_JNE;
	case BPF_JGT: return BPF_JLE;
	case BPF_JGE: return BPF_JLT;
	default: return -1;
	}
}

static void put_jump(struct translation *t, int copy, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];
	int op = BPF_OP(f->code), not_op = opposite(op);
	size_t next = cbpf_label(&t->plan, copy, i + 1), yes, no;

	if (op == BPF_JA) {
		ebpf_jump(&t->out, cbpf_use(t, cbpf_plan_resolve(&t->plan, copy, i)));
		return;
	}
	yes = cbpf_plan_resolve(&t->plan, copy, i + 1 + f->jt);
	no = cbpf_plan_resolve(&t->plan, copy, i + 1 + f->jf);
	if (yes == next && no != next && not_op >= 0) {
		put_compare(t, f, not_op, no);
		return;
	}
	if (yes != no)
		put_compare(t, f, op, yes);
	if (no != next)
		ebpf_jump(&t->out, cbpf_use(t, no));
}

static void put_return(struct translation *t, const struct sock_filter *f)
{
	if (f->code == (BPF_RET | BPF_K)) {
		cbpf_accept_or_reject(t, f->k);
		return;
	}
	ebpf_jump_if(&t->out, BPF_JNE, A, 0, cbpf_use(t, cbpf_label_accept(&t->plan)));
	cbpf_accept_or_reject(t, false);
}

static void put_one(struct translation *t, int copy, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX: cbpf_put_load(t, copy, i); break;
	case BPF_ST: ebpf_store(&t->out, BPF_W, FP, cbpf_mem_offset(t, f->k), A); break;
	case BPF_STX: ebpf_store(&t->out, BPF_W, FP, cbpf_mem_offset(t, f->k), X); break;
	case BPF_ALU: put_alu(t, f); break;
	case BPF_JMP: put_jump(t, copy, i); break;
	case BPF_RET: put_return(t, f); break;
	default:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			ebpf_alu32_reg(&t->out, BPF_MOV, X, A);
		else
			ebpf_alu32_reg(&t->out, BPF_MOV, A, X);
	}
}

static void put_copy(struct translation *t, int copy)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		bool is_reached = copy == CBPF_FAST ? t->plan.linear[i] != CBPF_UNREACHED
						    : t->plan.is_reached[copy][i];

		t->start[cbpf_label(&t->plan, copy, i)] = t->out.n;
		if (is_reached)
			put_one(t, copy, i);
	}
}

static void put_end(struct translation *t)
{
	struct bpf_insn skip_one = { .code = BPF_JMP | BPF_JA, .off = 1 };

	t->start[cbpf_label_accept(&t->plan)] = t->out.n;
	if (t->is_used[0])
		ebpf_alu32(&t->out, BPF_MOV, R0, 1);
	if (t->is_used[0] && t->is_used[1])
		ebpf_put(&t->out, skip_one, EBPF_NO_LABEL);
	t->start[cbpf_label_reject(&t->plan)] = t->out.n;
	if (t->is_used[1])
		ebpf_alu32(&t->out, BPF_MOV, R0, 0);
}

static int translate(struct translation *t, const struct sock_filter *filter, size_t n)
{
	int r = cbpf_plan_init(&t->plan, filter, n, t->has_tag, has_fast(t),
			       t->access->has_head || !has_fast(t));

	if (r < 0)
		return r;
	t->start = calloc(CBPF_COPIES * n + 2, sizeof(*t->start));
	if (!t->start)
		return -ENOMEM;
	put_begin(t);
	for (int copy = 0; copy < CBPF_COPIES; copy++)
		put_copy(t, copy);
	put_end(t);
	return ebpf_resolve(&t->out, t->start);
}

int cbpf_translate(const struct sock_filter *filter, size_t n, const struct cbpf_target *target,
		   struct cbpf_code *ret)
{
	struct translation t = { .access = &accesses[target->access],
				 .stack = target->stack,
				 .has_tag = target->has_tag };
	int r;

	*ret = (struct cbpf_code){ 0 };
	r = cbpf_check(filter, n, &ret->culprit);
	if (r == 0)
		r = translate(&t, filter, n);
	if (r == 0) {
		ret->insns = t.out.insns;
		ret->n = t.out.n;
		t.out.insns = NULL;
	}
	ebpf_done(&t.out);
	cbpf_plan_done(&t.plan);
	free(t.start);
	return r;
}

void cbpf_done(struct cbpf_code *code)
{
	free(code->insns);
	*code = (struct cbpf_code){ 0 };
}
