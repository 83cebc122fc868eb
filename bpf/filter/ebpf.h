/* SPDX-License-Identifier: MIT */
/*
 * A small assembler: puts eBPF instructions into a growing buffer, with jumps to labels that are placed
 * later. The first failure sticks; ebpf_resolve() returns it.
 */
#ifndef XDPTAP_BPF_FILTER_EBPF_H
#define XDPTAP_BPF_FILTER_EBPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define EBPF_NO_LABEL SIZE_MAX

struct ebpf {
	struct bpf_insn *insns;
	size_t *label_of; /* of a jump: its target; else EBPF_NO_LABEL */
	size_t n, room;
	int error;
};

void ebpf_put(struct ebpf *e, struct bpf_insn insn, size_t label);
/* dst = dst OP k, dst = dst OP src, with BPF_ADD and so on; 32-bit operations clear the upper half. */
void ebpf_alu32(struct ebpf *e, int op, int dst, uint32_t k);
void ebpf_alu32_reg(struct ebpf *e, int op, int dst, int src);
void ebpf_alu64_reg(struct ebpf *e, int op, int dst, int src);
void ebpf_add64(struct ebpf *e, int dst, int32_t k);
/* dst = *(src + offset), *(dst + offset) = src, = k; size is BPF_B, BPF_H, BPF_W or BPF_DW. */
void ebpf_load(struct ebpf *e, int size, int dst, int src, int offset);
void ebpf_store(struct ebpf *e, int size, int dst, int offset, int src);
void ebpf_store_constant(struct ebpf *e, int size, int dst, int offset, int32_t k);
void ebpf_call(struct ebpf *e, int helper);
/* Jumps to a label; with EBPF_NO_LABEL, ebpf_land() sets the target. */
void ebpf_jump(struct ebpf *e, size_t label);
/* 64-bit comparisons with BPF_JEQ and so on. */
void ebpf_jump_if(struct ebpf *e, int op, int dst, int32_t k, size_t label);
void ebpf_jump_if_reg(struct ebpf *e, int op, int dst, int src, size_t label);
/* Makes the jump at an index lead to the next instruction put. */
void ebpf_land(struct ebpf *e, size_t at);
/* Resolves the jumps: label i is at instruction start[i]. 0, -ENOMEM, or -E2BIG: one is too far. */
int ebpf_resolve(struct ebpf *e, const size_t *start);
/* Frees the buffer; to keep the instructions, set insns to NULL before. */
void ebpf_done(struct ebpf *e);

#endif
