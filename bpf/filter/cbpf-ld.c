/* SPDX-License-Identifier: MIT */
/* Loads, in each of the copies that cbpf.c describes. */
#include <linux/bpf.h>

#include "bpf/filter/cbpf-ld.h"
#include "bpf/filter/cbpf.h"

/* The place of a VLAN tag in a frame: after the addresses. */
#define TAG_START 12
#define TAG_END	  16

static int load_register(const struct sock_filter *f)
{
	return BPF_CLASS(f->code) == BPF_LD ? A : X;
}

/* Converts the bytes loaded into A, or for msh into X: the frame is in network order. */
static void put_loaded(struct translation *t, const struct sock_filter *f)
{
	if (BPF_CLASS(f->code) == BPF_LDX) {
		ebpf_alu32(&t->out, BPF_AND, X, 0xf);
		ebpf_alu32(&t->out, BPF_LSH, X, 2);
	} else if (cbpf_load_size(f) > 1) {
		ebpf_alu32(&t->out, BPF_END | BPF_TO_BE, A, 8 * cbpf_load_size(f));
	}
}

/* Leaves the address of an indirect load in r1. */
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

/* The arguments of the helper that reads a frame through its context, from the offset in r2 on. */
static void put_load_arguments(struct translation *t, uint32_t size, uint32_t after)
{
	if (t->access->has_start)
		ebpf_alu64_reg(&t->out, BPF_ADD, R2, START);
	ebpf_alu64_reg(&t->out, BPF_MOV, R1, CTX);
	ebpf_alu64_reg(&t->out, BPF_MOV, R3, FP);
	ebpf_add64(&t->out, R3, cbpf_buffer_offset(t) + (int)after);
	ebpf_alu32(&t->out, BPF_MOV, R4, size);
}

/* Those of the helper that reads memory, which does not know the frame's end. */
static void put_read_arguments(struct translation *t, uint32_t size)
{
	ebpf_alu64_reg(&t->out, BPF_MOV, R3, R2);
	ebpf_add64(&t->out, R2, (int32_t)size);
	ebpf_jump_if_reg(&t->out, BPF_JGT, R2, LEN, cbpf_use(t, cbpf_label_reject(&t->plan)));
	ebpf_alu64_reg(&t->out, BPF_ADD, R3, CTX);
	ebpf_alu64_reg(&t->out, BPF_MOV, R1, FP);
	ebpf_add64(&t->out, R1, cbpf_buffer_offset(t));
	ebpf_alu32(&t->out, BPF_MOV, R2, size);
}

/* Loads bytes from the offset in r2 into the buffer, after those that it holds already. */
static void put_helper(struct translation *t, uint32_t size, uint32_t after)
{
	if (t->access->is_memory)
		put_read_arguments(t, size);
	else
		put_load_arguments(t, size, after);
	ebpf_call(&t->out, t->access->load_helper);
	ebpf_jump_if(&t->out, BPF_JNE, R0, 0, cbpf_use(t, cbpf_label_reject(&t->plan)));
}

/* Leaves the length of a frame in a register. That of its head is in r1. */
static void put_headed_len(struct translation *t, int dst)
{
	ebpf_load(&t->out, BPF_W, dst, CTX, t->access->len);
	ebpf_alu32_reg(&t->out, BPF_ADD, dst, R1);
	if (t->access->has_start)
		ebpf_alu32_reg(&t->out, BPF_SUB, dst, START);
}

/*
 * A load from the head of a frame, at the offset in r2, which is below CBPF_HEAD_MAX; r1 is the length of
 * the head. It may end after the head, but not after the frame.
 */
static void put_head_load(struct translation *t, uint32_t size)
{
	put_headed_len(t, R3);
	ebpf_alu64_reg(&t->out, BPF_MOV, R4, R2);
	ebpf_add64(&t->out, R4, (int32_t)size);
	ebpf_jump_if_reg(&t->out, BPF_JGT, R4, R3, cbpf_use(t, cbpf_label_reject(&t->plan)));
	ebpf_load(&t->out, BPF_DW, R3, FP, cbpf_head_offset(t));
	ebpf_alu64_reg(&t->out, BPF_ADD, R3, R2);
	ebpf_alu64_reg(&t->out, BPF_MOV, R1, FP);
	ebpf_add64(&t->out, R1, cbpf_buffer_offset(t));
	ebpf_alu32(&t->out, BPF_MOV, R2, size);
	ebpf_call(&t->out, BPF_FUNC_probe_read_kernel);
	ebpf_jump_if(&t->out, BPF_JNE, R0, 0, cbpf_use(t, cbpf_label_reject(&t->plan)));
}

/* As put_helper() for a frame that may have a head. "begin" is the lowest offset possible. */
static void put_headed_helper(struct translation *t, uint32_t size, uint32_t begin)
{
	size_t is_after, is_far, done;

	ebpf_load(&t->out, BPF_DW, R1, FP, cbpf_head_len_offset(t));
	if (begin >= CBPF_HEAD_MAX) {
		ebpf_alu64_reg(&t->out, BPF_SUB, R2, R1);
		put_helper(t, size, 0);
		return;
	}
	is_far = t->out.n;
	ebpf_jump_if(&t->out, BPF_JGE, R2, CBPF_HEAD_MAX, EBPF_NO_LABEL);
	is_after = t->out.n;
	ebpf_jump_if_reg(&t->out, BPF_JGE, R2, R1, EBPF_NO_LABEL);
	put_head_load(t, size);
	done = t->out.n;
	ebpf_jump(&t->out, EBPF_NO_LABEL);
	ebpf_land(&t->out, is_far);
	ebpf_land(&t->out, is_after);
	ebpf_alu64_reg(&t->out, BPF_SUB, R2, R1);
	put_helper(t, size, 0);
	ebpf_land(&t->out, done);
}

/* Leaves the offset of an indirect load, plus a few bytes, in r2. */
static void put_slow_address(struct translation *t, const struct sock_filter *f, uint32_t plus)
{
	ebpf_alu32_reg(&t->out, BPF_MOV, R2, X);
	ebpf_add64(&t->out, R2, (int32_t)(f->k + plus));
}

/* Puts the byte of the tag at the frame offset in r2 into the buffer. */
static void put_tag_byte(struct translation *t, uint32_t at)
{
	ebpf_alu32(&t->out, BPF_MOV, R1, TAG_END - 1);
	ebpf_alu32_reg(&t->out, BPF_SUB, R1, R2);
	ebpf_alu32(&t->out, BPF_LSH, R1, 3);
	ebpf_alu32_reg(&t->out, BPF_MOV, R3, TAG);
	ebpf_alu32_reg(&t->out, BPF_RSH, R3, R1);
	ebpf_store(&t->out, BPF_B, FP, cbpf_buffer_offset(t) + (int)at, R3);
}

/* An indirect load that overlaps the tag: byte by byte. */
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
	size_t is_before, is_after, done;

	is_before = t->out.n;
	ebpf_jump_if(&t->out, BPF_JLE, R2, (int32_t)(TAG_START - size), EBPF_NO_LABEL);
	is_after = t->out.n;
	ebpf_jump_if(&t->out, BPF_JGE, R2, TAG_END, EBPF_NO_LABEL);
	put_mixed_indirect(t, f);
	done = t->out.n;
	ebpf_jump(&t->out, EBPF_NO_LABEL);
	ebpf_land(&t->out, is_after);
	ebpf_add64(&t->out, R2, TAG_START - TAG_END);
	ebpf_land(&t->out, is_before);
	put_helper(t, size, 0);
	ebpf_land(&t->out, done);
}

/* A load at a constant offset of a frame with a tag: before the tag, after it, or across it. */
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
		cbpf_accept_or_reject(t, false);
		return;
	}
	if (cbpf_is_indirect(f)) {
		put_slow_address(t, f, 0);
		ebpf_jump_if(&t->out, BPF_JGT, R2, CBPF_OFFSET_MAX,
			     cbpf_use(t, cbpf_label_reject(&t->plan)));
	}
	if (copy == CBPF_TAGGED && cbpf_is_indirect(f)) {
		put_tagged_indirect(t, f);
	} else if (copy == CBPF_TAGGED) {
		put_tagged_absolute(t, f);
	} else {
		if (!cbpf_is_indirect(f))
			ebpf_alu32(&t->out, BPF_MOV, R2, f->k);
		if (t->access->has_head)
			put_headed_helper(t, cbpf_load_size(f), f->k);
		else
			put_helper(t, cbpf_load_size(f), 0);
	}
	ebpf_load(&t->out, BPF_SIZE(f->code), load_register(f), FP, cbpf_buffer_offset(t));
	put_loaded(t, f);
}

static void put_len(struct translation *t, int copy, int dst)
{
	if (t->access->is_memory) {
		ebpf_alu32_reg(&t->out, BPF_MOV, dst, LEN);
	} else if (t->access->has_head && copy == CBPF_SLOW) {
		ebpf_load(&t->out, BPF_DW, R1, FP, cbpf_head_len_offset(t));
		put_headed_len(t, dst);
	} else if (t->access->len >= 0) {
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

/* ld and ldx of something other than the frame. */
static void put_other_load(struct translation *t, int copy, const struct sock_filter *f)
{
	int dst = load_register(f);

	switch (BPF_MODE(f->code)) {
	case BPF_IMM: ebpf_alu32(&t->out, BPF_MOV, dst, f->k); break;
	case BPF_MEM: ebpf_load(&t->out, BPF_W, dst, FP, cbpf_mem_offset(t, f->k)); break;
	default: put_len(t, copy, dst);
	}
}

void cbpf_put_load(struct translation *t, int copy, size_t i)
{
	if (!cbpf_is_load(&t->plan.filter[i]))
		put_other_load(t, copy, &t->plan.filter[i]);
	else if (copy == CBPF_FAST)
		put_fast_load(t, i);
	else
		put_slow_load(t, copy, i);
}
