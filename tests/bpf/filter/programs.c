/* SPDX-License-Identifier: MIT */
#include "tests/bpf/filter/programs.h"

static const guint16 codes[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS,
	BPF_LD | BPF_W | BPF_IND,
	BPF_LD | BPF_H | BPF_IND,
	BPF_LD | BPF_B | BPF_IND,
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS,
	BPF_LDX | BPF_B | BPF_MSH,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_NEG,
	BPF_ALU | BPF_ADD,
	BPF_ALU | BPF_SUB,
	BPF_ALU | BPF_MUL,
	BPF_ALU | BPF_DIV,
	BPF_ALU | BPF_MOD,
	BPF_ALU | BPF_AND,
	BPF_ALU | BPF_OR,
	BPF_ALU | BPF_XOR,
	BPF_ALU | BPF_LSH,
	BPF_ALU | BPF_RSH,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JGT,
	BPF_JMP | BPF_JGE,
	BPF_JMP | BPF_JSET,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JGT,
	BPF_JMP | BPF_JGE,
	BPF_JMP | BPF_JSET,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
};

static guint32 constant(GRand *random)
{
	static const guint32 edges[] = { 0,  1,	     2,	     31,	 32,	     0x40,
					 64, 0x7ffb, 0x7fff, 0x8000,	 0xffff,     0x10000,
					 60, 3520,   61440,  0x7fffffff, 0x80000000, 0xffffffff };

	switch (g_rand_int_range(random, 0, 5)) {
	case 0: return edges[g_rand_int_range(random, 0, G_N_ELEMENTS(edges))];
	case 1: return g_rand_int(random);
	default: return (guint32)g_rand_int_range(random, 0, 60);
	}
}

static guint8 forward(GRand *random, gsize left)
{
	return (guint8)g_rand_int_range(random, 0, (gint32)MIN(left, 8));
}

/* Gives an operation its operands; "left" instructions will follow. */
static void complete(GRand *random, struct sock_filter *f, gsize left)
{
	guint class = BPF_CLASS(f->code), op = BPF_OP(f->code);

	f->k = constant(random);
	if (class == BPF_JMP && op == BPF_JA) {
		f->k = forward(random, left);
	} else if (class == BPF_JMP) {
		f->jt = forward(random, left);
		f->jf = forward(random, left);
	}
	if ((class == BPF_JMP && op != BPF_JA) || (class == BPF_ALU && op != BPF_NEG))
		f->code |= g_rand_boolean(random) ? BPF_X : BPF_K;
	if (class == BPF_ALU && (op == BPF_LSH || op == BPF_RSH) && BPF_SRC(f->code) == BPF_K)
		f->k &= 31;
	else if (class == BPF_ALU && (op == BPF_DIV || op == BPF_MOD))
		f->k |= 1;
	if (class == BPF_ST || class == BPF_STX || BPF_MODE(f->code) == BPF_MEM)
		f->k = class <= BPF_STX ? f->k % BPF_MEMWORDS : f->k;
}

gsize program_make(GRand *random, struct sock_filter *ret)
{
	gsize n = (gsize)g_rand_int_range(random, 4, PROGRAM_MAX), at;

	for (at = 0; at < n - 1; at++) {
		/* A return ends a program early, so begin with something else. */
		gint32 kinds = at < 8 ? G_N_ELEMENTS(codes) - 2 : G_N_ELEMENTS(codes);

		ret[at] = (struct sock_filter){ .code = codes[g_rand_int_range(random, 0, kinds)] };
		complete(random, &ret[at], n - at - 1);
	}
	ret[at] = (struct sock_filter){ .code = BPF_RET | (g_rand_boolean(random) ? BPF_A : BPF_K),
					.k = (guint32)g_rand_int_range(random, 0, 2) };
	return n;
}
