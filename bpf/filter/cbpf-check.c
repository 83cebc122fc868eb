/* SPDX-License-Identifier: MIT */
/* Accepts every instruction that libpcap knows, and nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/filter/cbpf-bind.h"
#include "bpf/filter/cbpf-check.h"

/* What is wrong with an instruction by itself: 0 or an -errno of cbpf_translate(). */
static int check_code(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS: return cbpf_is_unanswered(f) ? -EOPNOTSUPP : 0;
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_ALU | BPF_NEG: return 0;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX: return f->k < BPF_MEMWORDS ? 0 : -EINVAL;
	default: return -EOPNOTSUPP;
	}
}

static int check_alu(const struct sock_filter *f)
{
	bool is_constant = BPF_SRC(f->code) == BPF_K;

	switch (f->code & ~BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR: return 0;
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_MOD: return is_constant && f->k == 0 ? -EINVAL : 0;
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH: return is_constant && f->k > 31 ? -EINVAL : 0;
	default: return check_code(f);
	}
}

/* "left" instructions follow this one. */
static int check_jump(const struct sock_filter *f, size_t left)
{
	switch (f->code & ~BPF_X) {
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET: return f->jt < left && f->jf < left ? 0 : -EINVAL;
	}
	if (f->code != (BPF_JMP | BPF_JA))
		return -EOPNOTSUPP;
	if (f->k > INT32_MAX)
		return -ELOOP;
	return f->k < left ? 0 : -EINVAL;
}

/* All instructions, including unreachable ones, as libpcap's bpf_validate() does. */
int cbpf_check(const struct sock_filter *filter, size_t n, size_t *ret_culprit)
{
	int r = n ? 0 : -EINVAL;

	*ret_culprit = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct sock_filter *f = &filter[i];

		*ret_culprit = i;
		if (BPF_CLASS(f->code) == BPF_JMP)
			r = check_jump(f, n - i - 1);
		else if (BPF_CLASS(f->code) == BPF_ALU)
			r = check_alu(f);
		else
			r = check_code(f);
		if (r == 0 && i == n - 1 && BPF_CLASS(f->code) != BPF_RET)
			r = -EINVAL;
	}
	return r;
}
