/* SPDX-License-Identifier: MIT */
/*
 * The translation comes out in several copies of the filter, one after the other.
 *
 * The fast copy reads the frame directly. Where the linear part of the frame may be too short for a
 * load, a check stands before it; a check that went well holds for all that comes after it, so most
 * loads have none. A check that fails does not decide anything: it goes on at the same instruction
 * of the slow copy, with A, X and M[] as they are.
 *
 * The slow copy calls a helper for each load. That one sees the whole frame, also the fragments of
 * a jumbo frame, and fails only for what lies beyond its end. It is only left by a return, so the
 * checks of the fast copy need not be repeated anywhere.
 *
 * The third copy, where it is asked for, is like the slow one and for frames out of which a VLAN tag
 * was taken: what the filter loads from behind the addresses is the tag, and then the rest.
 *
 * cbpf-plan.c finds out what is reachable in which copy. The rest is left out: the verifier refuses
 * instructions that cannot be reached.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/cbpf-check.h"
#include "bpf/cbpf-plan.h"
#include "bpf/cbpf.h"
#include "bpf/ebpf.h"

/* Registers. Those from r6 on survive a helper call. The tagged copy has the tag where others have data. */
enum { R0, R1, R2, R3, R4, END, CTX, A, X, DATA, FP, TAG = DATA };

#define BUFFER_SIZE 8 /* of the stack: what the helper loads, and below that M[] */

/* Where a VLAN tag is in a frame: behind the addresses. */
#define TAG_START 12
#define TAG_END	  16

/* How a kind of context is used. */
struct access {
	int data, data_end, len; /* offsets in the context; no len: -1, and a helper */
	int load_helper;
};

static const struct access accesses[] = {
	[CBPF_XDP] = { .data = offsetof(struct xdp_md, data),
		       .data_end = offsetof(struct xdp_md, data_end),
		       .len = -1,
		       .load_helper = BPF_FUNC_xdp_load_bytes },
	[CBPF_SKB] = { .data = offsetof(struct __sk_buff, data),
		       .data_end = offsetof(struct __sk_buff, data_end),
		       .len = offsetof(struct __sk_buff, len),
		       .load_helper = BPF_FUNC_skb_load_bytes },
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
static size_t use(struct translation *t, size_t label)
{
	if (label >= cbpf_label_accept(&t->plan))
		t->is_used[label - cbpf_label_accept(&t->plan)] = true;
	return label;
}

static void accept_or_reject(struct translation *t, bool accepts)
{
	ebpf_jump(&t->out,
		  use(t, accepts ? cbpf_label_accept(&t->plan) : cbpf_label_reject(&t->plan)));
}

static int buffer_offset(const struct translation *t)
{
	return t->stack - BUFFER_SIZE;
}

static int mem_offset(const struct translation *t, uint32_t k)
{
	return t->stack - BUFFER_SIZE - 4 * ((int)k + 1);
}

static void put_begin(struct translation *t)
{
	if (t->has_tag)
		ebpf_alu32_reg(&t->out, BPF_MOV, TAG, A); /* it comes in r7 */
	ebpf_alu32(&t->out, BPF_MOV, A, 0);
	ebpf_alu32(&t->out, BPF_MOV, X, 0);
	for (uint32_t k = 0; k < BPF_MEMWORDS; k++)
		if (t->plan.mem_is_read & (1u << k))
			ebpf_store_constant(&t->out, BPF_W, FP, mem_offset(t, k), 0);
	if (t->has_tag)
		ebpf_jump_if(&t->out, BPF_JNE, TAG, 0, cbpf_label(&t->plan, CBPF_TAGGED, 0));
	if (t->plan.has_direct) {
		ebpf_load(&t->out, BPF_W, DATA, CTX, t->access->data);
		ebpf_load(&t->out, BPF_W, END, CTX, t->access->data_end);
	}
}

static int load_register(const struct sock_filter *f)
{
	return BPF_CLASS(f->code) == BPF_LD ? A : X;
}

/* What becomes of the bytes once they are in A or, for msh, in X: the frame is in network order. */
static void put_loaded(struct translation *t, const struct sock_filter *f)
{
	if (BPF_CLASS(f->code) == BPF_LDX) {
		ebpf_alu32(&t->out, BPF_AND, X, 0xf);
		ebpf_alu32(&t->out, BPF_LSH, X, 2);
	} else if (cbpf_load_size(f) > 1) {
		ebpf_alu32(&t->out, BPF_END | BPF_TO_BE, A, 8 * cbpf_load_size(f));
	}
}

/* Leaves in r1 where an indirect load reads. */
static void put_fast_address(struct translation *t, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];
	size_t slow = cbpf_label(&t->plan, CBPF_SLOW, i);

	ebpf_alu32_reg(&t->out, BPF_MOV, R1, X);
	ebpf_add64(&t->out, R1, (int32_t)f->k);
	ebpf_jump_if(&t->out, BPF_JGT, R1, CBPF_DIRECT_MAX, slow);
	ebpf_alu64_reg(&t->out, BPF_ADD, R1, DATA);
	ebpf_alu64_reg(&t->out, BPF_MOV, R2, R1);
	ebpf_add64(&t->out, R2, (int32_t)cbpf_load_size(f));
	ebpf_jump_if_reg(&t->out, BPF_JGT, R2, END, slow);
}

static void put_fast_load(struct translation *t, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];
	uint32_t end = f->k + cbpf_load_size(f);

	if (!cbpf_may_be_direct(f)) {
		ebpf_jump(&t->out, cbpf_label(&t->plan, CBPF_SLOW, i));
		return;
	}
	if (cbpf_is_indirect(f)) {
		put_fast_address(t, i);
		ebpf_load(&t->out, BPF_SIZE(f->code), A, R1, 0);
	} else {
		if (end > t->plan.linear[i]) {
			ebpf_alu64_reg(&t->out, BPF_MOV, R1, DATA);
			ebpf_add64(&t->out, R1, (int32_t)end);
			ebpf_jump_if_reg(&t->out, BPF_JGT, R1, END,
					 cbpf_label(&t->plan, CBPF_SLOW, i));
		}
		ebpf_load(&t->out, BPF_SIZE(f->code), load_register(f), DATA, (int)f->k);
	}
	put_loaded(t, f);
}

/* Loads bytes from where r2 says into the buffer, behind those that are there already. */
static void put_helper(struct translation *t, uint32_t size, uint32_t behind)
{
	ebpf_alu64_reg(&t->out, BPF_MOV, R1, CTX);
	ebpf_alu64_reg(&t->out, BPF_MOV, R3, FP);
	ebpf_add64(&t->out, R3, buffer_offset(t) + (int)behind);
	ebpf_alu32(&t->out, BPF_MOV, R4, size);
	ebpf_call(&t->out, t->access->load_helper);
	ebpf_jump_if(&t->out, BPF_JNE, R0, 0, use(t, cbpf_label_reject(&t->plan)));
}

/* Leaves in r2 where an indirect load reads, plus a few bytes. */
static void put_slow_address(struct translation *t, const struct sock_filter *f, uint32_t plus)
{
	ebpf_alu32_reg(&t->out, BPF_MOV, R2, X);
	ebpf_add64(&t->out, R2, (int32_t)(f->k + plus));
}

/* The tag's byte that is at an offset in the frame, which r2 holds, into the buffer. */
static void put_tag_byte(struct translation *t, uint32_t at)
{
	ebpf_alu32(&t->out, BPF_MOV, R1, TAG_END - 1);
	ebpf_alu32_reg(&t->out, BPF_SUB, R1, R2);
	ebpf_alu32(&t->out, BPF_LSH, R1, 3);
	ebpf_alu32_reg(&t->out, BPF_MOV, R3, TAG);
	ebpf_alu32_reg(&t->out, BPF_RSH, R3, R1);
	ebpf_store(&t->out, BPF_B, FP, buffer_offset(t) + (int)at, R3);
}

/* An indirect load of which some bytes are the tag's: each for itself. */
static void put_mixed_indirect(struct translation *t, const struct sock_filter *f)
{
	for (uint32_t i = 0; i < cbpf_load_size(f); i++) {
		size_t is_before, is_tag, done;

		put_slow_address(t, f, i);
		is_before = t->out.n;
		ebpf_jump_if(&t->out, BPF_JLT, R2, TAG_START, EBPF_NO_LABEL);
		is_tag = t->out.n;
		ebpf_jump_if(&t->out, BPF_JLT, R2, TAG_END, EBPF_NO_LABEL);
		ebpf_add64(&t->out, R2, TAG_START - TAG_END);
		ebpf_land(&t->out, is_before);
		put_helper(t, 1, i);
		done = t->out.n;
		ebpf_jump(&t->out, EBPF_NO_LABEL);
		ebpf_land(&t->out, is_tag);
		put_tag_byte(t, i);
		ebpf_land(&t->out, done);
	}
}

static void put_tagged_indirect(struct translation *t, const struct sock_filter *f)
{
	uint32_t size = cbpf_load_size(f);
	size_t is_before, is_behind, done;

	is_before = t->out.n;
	ebpf_jump_if(&t->out, BPF_JLE, R2, (int32_t)(TAG_START - size), EBPF_NO_LABEL);
	is_behind = t->out.n;
	ebpf_jump_if(&t->out, BPF_JGE, R2, TAG_END, EBPF_NO_LABEL);
	put_mixed_indirect(t, f);
	done = t->out.n;
	ebpf_jump(&t->out, EBPF_NO_LABEL);
	ebpf_land(&t->out, is_behind);
	ebpf_add64(&t->out, R2, TAG_START - TAG_END);
	ebpf_land(&t->out, is_before);
	put_helper(t, size, 0);
	ebpf_land(&t->out, done);
}

/* A load from a place that is known, of a frame with a tag: before it, behind it, or some of both. */
static void put_tagged_absolute(struct translation *t, const struct sock_filter *f)
{
	uint32_t size = cbpf_load_size(f), end = f->k + size;

	if (end <= TAG_START || f->k >= TAG_END) {
		ebpf_alu32(&t->out, BPF_MOV, R2, f->k >= TAG_END ? f->k - 4 : f->k);
		put_helper(t, size, 0);
		return;
	}
	for (uint32_t k = f->k > TAG_START ? f->k : TAG_START; k < end && k < TAG_END; k++) {
		ebpf_alu32(&t->out, BPF_MOV, R2, k);
		put_tag_byte(t, k - f->k);
	}
	if (f->k < TAG_START) {
		ebpf_alu32(&t->out, BPF_MOV, R2, f->k);
		put_helper(t, TAG_START - f->k, 0);
	}
	if (end > TAG_END) {
		ebpf_alu32(&t->out, BPF_MOV, R2, TAG_START);
		put_helper(t, end - TAG_END, TAG_END - f->k);
	}
}

static void put_slow_load(struct translation *t, int copy, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];

	if (!cbpf_may_succeed(f)) {
		accept_or_reject(t, false);
		return;
	}
	if (cbpf_is_indirect(f)) {
		put_slow_address(t, f, 0);
		ebpf_jump_if(&t->out, BPF_JGT, R2, CBPF_OFFSET_MAX,
			     use(t, cbpf_label_reject(&t->plan)));
	}
	if (copy == CBPF_TAGGED && cbpf_is_indirect(f)) {
		put_tagged_indirect(t, f);
	} else if (copy == CBPF_TAGGED) {
		put_tagged_absolute(t, f);
	} else {
		if (!cbpf_is_indirect(f))
			ebpf_alu32(&t->out, BPF_MOV, R2, f->k);
		put_helper(t, cbpf_load_size(f), 0);
	}
	ebpf_load(&t->out, BPF_SIZE(f->code), load_register(f), FP, buffer_offset(t));
	put_loaded(t, f);
}

static void put_len(struct translation *t, int copy, int dst)
{
	if (t->access->len >= 0) {
		ebpf_load(&t->out, BPF_W, dst, CTX, t->access->len);
	} else {
		ebpf_alu64_reg(&t->out, BPF_MOV, R1, CTX);
		ebpf_call(&t->out, BPF_FUNC_xdp_get_buff_len);
		ebpf_alu32_reg(&t->out, BPF_MOV, dst, R0);
	}
	if (copy == CBPF_TAGGED)
		ebpf_alu32(&t->out, BPF_ADD, dst, TAG_END - TAG_START);
	if (t->access->len < 0 && copy == CBPF_FAST && t->plan.has_direct)
		ebpf_load(&t->out, BPF_W, END, CTX, t->access->data_end);
}

/* ld and ldx of something else than the frame. */
static void put_other_load(struct translation *t, int copy, const struct sock_filter *f)
{
	int dst = load_register(f);

	switch (BPF_MODE(f->code)) {
	case BPF_IMM: ebpf_alu32(&t->out, BPF_MOV, dst, f->k); break;
	case BPF_MEM: ebpf_load(&t->out, BPF_W, dst, FP, mem_offset(t, f->k)); break;
	default: put_len(t, copy, dst);
	}
}

/* By X: a shift by 32 or more gives zero, where eBPF would take the count modulo 32. */
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
			ebpf_jump_if(&t->out, BPF_JEQ, X, 0, use(t, cbpf_label_reject(&t->plan)));
		ebpf_alu32_reg(&t->out, op, A, X);
	}
}

/* 32 bits wide and unsigned, so that a constant with bit 31 set is what it is in classic BPF. */
static void put_compare(struct translation *t, const struct sock_filter *f, int op, size_t label)
{
	bool is_constant = BPF_SRC(f->code) == BPF_K;
	struct bpf_insn insn = {
		.code = (uint8_t)(BPF_JMP32 | op | BPF_SRC(f->code)),
		.dst_reg = A,
		.src_reg = is_constant ? 0 : X,
		.imm = is_constant ? (int32_t)f->k : 0,
	};

	ebpf_put(&t->out, insn, use(t, label));
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
		ebpf_jump(&t->out, use(t, cbpf_plan_resolve(&t->plan, copy, i)));
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
		ebpf_jump(&t->out, use(t, no));
}

static void put_return(struct translation *t, const struct sock_filter *f)
{
	if (f->code == (BPF_RET | BPF_K)) {
		accept_or_reject(t, f->k);
		return;
	}
	ebpf_jump_if(&t->out, BPF_JNE, A, 0, use(t, cbpf_label_accept(&t->plan)));
	accept_or_reject(t, false);
}

static void put_load(struct translation *t, int copy, size_t i)
{
	if (!cbpf_is_load(&t->plan.filter[i]))
		put_other_load(t, copy, &t->plan.filter[i]);
	else if (copy == CBPF_FAST)
		put_fast_load(t, i);
	else
		put_slow_load(t, copy, i);
}

static void put_one(struct translation *t, int copy, size_t i)
{
	const struct sock_filter *f = &t->plan.filter[i];

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX: put_load(t, copy, i); break;
	case BPF_ST: ebpf_store(&t->out, BPF_W, FP, mem_offset(t, f->k), A); break;
	case BPF_STX: ebpf_store(&t->out, BPF_W, FP, mem_offset(t, f->k), X); break;
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
	int r = cbpf_plan_init(&t->plan, filter, n, t->has_tag);

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
