/* SPDX-License-Identifier: MIT */
/*
 * The filter goes after the end of the program, and its place becomes a jump there. So no instruction
 * of the program moves: its calls, relocations and debug information, which libbpf applies later, stay
 * valid, and the filter may have any size that jumps can span.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/filter/patch.h"
#include "bpf/wire.h"

static bool is_site(const struct bpf_insn *insn)
{
	return insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) && insn->dst_reg == BPF_REG_0 &&
	       insn->imm == WIRE_FILTER_SITE;
}

/* The index of the filter's place, or -ENOENT. */
static ssize_t find_site(const struct bpf_insn *insns, size_t n)
{
	ssize_t found = -ENOENT;

	for (size_t i = 0; i < n; i++) {
		if (!is_site(&insns[i]))
			continue;
		if (found >= 0)
			return -ENOENT;
		found = (ssize_t)i;
	}
	return found;
}

/*
 * How far down the program uses its stack: the lowest address relative to r10, or subtraction that could
 * compute one. An estimate that is never too small.
 */
static int find_stack(const struct bpf_insn *insns, size_t n)
{
	int lowest = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *insn = &insns[i];
		unsigned int class = BPF_CLASS(insn->code);
		int depth = 0;

		if ((class == BPF_LDX && insn->src_reg == BPF_REG_10) ||
		    ((class == BPF_ST || class == BPF_STX) && insn->dst_reg == BPF_REG_10))
			depth = insn->off;
		else if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) && insn->imm >= -512)
			depth = insn->imm;
		if (depth < lowest)
			lowest = depth;
	}
	return lowest & ~7;
}

static struct bpf_insn jump(size_t from, size_t to)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_JA,
				  .off = (int16_t)((ssize_t)to - (ssize_t)from - 1) };
}

/* Appends the filter, with a jump from the site to it and one back. */
static int append(struct bpf_program *program, size_t site, const struct cbpf_code *code)
{
	size_t end = bpf_program__insn_cnt(program), n = end + code->n + 1;
	struct bpf_insn *insns;
	int r;

	if (n > INT16_MAX)
		return -E2BIG;
	insns = malloc(n * sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), end * sizeof(*insns));
	memcpy(&insns[end], code->insns, code->n * sizeof(*insns));
	insns[site] = jump(site, end);
	insns[n - 1] = jump(n - 1, site + 1);
	r = bpf_program__set_insns(program, insns, n);
	free(insns);
	return r;
}

int patch_filter(struct bpf_program *program, const struct sock_filter *filter, size_t n,
		 enum cbpf_access access)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t n_insns = bpf_program__insn_cnt(program);
	ssize_t site = find_site(insns, n_insns);
	struct cbpf_target target = { .access = access,
				      .has_tag = access == CBPF_XDP || access == CBPF_SKB,
				      .stack = find_stack(insns, n_insns) };
	struct cbpf_code code;
	int r;

	if (site < 0)
		return (int)site;
	r = cbpf_translate(filter, n, &target, &code);
	if (r == 0)
		r = append(program, (size_t)site, &code);
	cbpf_done(&code);
	return r;
}
