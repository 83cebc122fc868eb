/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bpf/filter/ebpf.h"

static bool make_room(struct ebpf *e)
{
	size_t room = e->room ? 2 * e->room : 64;
	struct bpf_insn *insns;
	size_t *label_of;

	if (e->error)
		return false;
	if (e->n < e->room)
		return true;
	insns = realloc(e->insns, room * sizeof(*insns));
	if (insns)
		e->insns = insns;
	label_of = realloc(e->label_of, room * sizeof(*label_of));
	if (label_of)
		e->label_of = label_of;
	if (insns && label_of)
		e->room = room;
	else
		e->error = -ENOMEM;
	return !e->error;
}

void ebpf_put(struct ebpf *e, struct bpf_insn insn, size_t label)
{
	if (!make_room(e))
		return;
	e->label_of[e->n] = label;
	e->insns[e->n++] = insn;
}

/* Puts an instruction other than a jump. */
static void put(struct ebpf *e, int code, int dst, int src, int offset, int32_t k)
{
	struct bpf_insn insn = { .code = (uint8_t)code,
				 .dst_reg = (uint8_t)dst & 0xf,
				 .src_reg = (uint8_t)src & 0xf,
				 .off = (int16_t)offset,
				 .imm = k };

	ebpf_put(e, insn, EBPF_NO_LABEL);
}

void ebpf_alu32(struct ebpf *e, int op, int dst, uint32_t k)
{
	put(e, BPF_ALU | op | BPF_K, dst, 0, 0, (int32_t)k);
}

void ebpf_alu32_reg(struct ebpf *e, int op, int dst, int src)
{
	put(e, BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

void ebpf_alu64_reg(struct ebpf *e, int op, int dst, int src)
{
	put(e, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

void ebpf_add64(struct ebpf *e, int dst, int32_t k)
{
	put(e, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, k);
}

void ebpf_load(struct ebpf *e, int size, int dst, int src, int offset)
{
	put(e, BPF_LDX | size | BPF_MEM, dst, src, offset, 0);
}

void ebpf_store(struct ebpf *e, int size, int dst, int offset, int src)
{
	put(e, BPF_STX | size | BPF_MEM, dst, src, offset, 0);
}

void ebpf_store_constant(struct ebpf *e, int size, int dst, int offset, int32_t k)
{
	put(e, BPF_ST | size | BPF_MEM, dst, 0, offset, k);
}

void ebpf_call(struct ebpf *e, int helper)
{
	put(e, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void ebpf_jump(struct ebpf *e, size_t label)
{
	ebpf_put(e, (struct bpf_insn){ .code = BPF_JMP | BPF_JA }, label);
}

void ebpf_jump_if(struct ebpf *e, int op, int dst, int32_t k, size_t label)
{
	struct bpf_insn insn = { .code = (uint8_t)(BPF_JMP | op | BPF_K),
				 .dst_reg = (uint8_t)dst & 0xf,
				 .imm = k };

	ebpf_put(e, insn, label);
}

void ebpf_jump_if_reg(struct ebpf *e, int op, int dst, int src, size_t label)
{
	struct bpf_insn insn = { .code = (uint8_t)(BPF_JMP | op | BPF_X),
				 .dst_reg = (uint8_t)dst & 0xf,
				 .src_reg = (uint8_t)src & 0xf };

	ebpf_put(e, insn, label);
}

void ebpf_land(struct ebpf *e, size_t at)
{
	if (!e->error)
		e->insns[at].off = (int16_t)(e->n - at - 1);
}

int ebpf_resolve(struct ebpf *e, const size_t *start)
{
	for (size_t i = 0; !e->error && i < e->n; i++) {
		ptrdiff_t distance;

		if (e->label_of[i] == EBPF_NO_LABEL)
			continue;
		distance = (ptrdiff_t)start[e->label_of[i]] - (ptrdiff_t)(i + 1);
		if (distance > INT16_MAX || distance < INT16_MIN)
			e->error = -E2BIG;
		e->insns[i].off = (int16_t)distance;
	}
	return e->error;
}

void ebpf_done(struct ebpf *e)
{
	free(e->insns);
	free(e->label_of);
	*e = (struct ebpf){ 0 };
}
