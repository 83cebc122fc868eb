/* SPDX-License-Identifier: MIT */
/*
 * The listing of a translated filter, for people: in the kernel's notation, except that jumps name the
 * line they lead to. It knows the instructions that cbpf.c generates and a few more; others are printed
 * as numbers.
 */
#include <inttypes.h>

#include "bpf/filter/cbpf.h"

static const char *const operators[16] = {
	[BPF_ADD >> 4] = "+=",	[BPF_SUB >> 4] = "-=",	[BPF_MUL >> 4] = "*=",
	[BPF_DIV >> 4] = "/=",	[BPF_OR >> 4] = "|=",	[BPF_AND >> 4] = "&=",
	[BPF_LSH >> 4] = "<<=", [BPF_RSH >> 4] = ">>=", [BPF_MOD >> 4] = "%=",
	[BPF_XOR >> 4] = "^=",	[BPF_MOV >> 4] = "=",	[BPF_ARSH >> 4] = "s>>=",
};

static const char *const comparisons[16] = {
	[BPF_JEQ >> 4] = "==",	 [BPF_JGT >> 4] = ">",	  [BPF_JGE >> 4] = ">=",
	[BPF_JSET >> 4] = "&",	 [BPF_JNE >> 4] = "!=",	  [BPF_JSGT >> 4] = "s>",
	[BPF_JSGE >> 4] = "s>=", [BPF_JLT >> 4] = "<",	  [BPF_JLE >> 4] = "<=",
	[BPF_JSLT >> 4] = "s<",	 [BPF_JSLE >> 4] = "s<=",
};

static const char *width(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_W: return "u32";
	case BPF_H: return "u16";
	case BPF_B: return "u8";
	default: return "u64";
	}
}

static const char *helper(int id)
{
	switch (id) {
	case BPF_FUNC_xdp_load_bytes: return "bpf_xdp_load_bytes";
	case BPF_FUNC_xdp_get_buff_len: return "bpf_xdp_get_buff_len";
	case BPF_FUNC_skb_load_bytes: return "bpf_skb_load_bytes";
	default: return "helper";
	}
}

static void print_unknown(FILE *to, const struct bpf_insn *insn)
{
	fprintf(to, "code 0x%02x dst r%u src r%u off %d imm %" PRId32 "\n", insn->code,
		insn->dst_reg, insn->src_reg, insn->off, insn->imm);
}

/* The right side of an operation or comparison. */
static void print_operand(FILE *to, const struct bpf_insn *insn, char bits)
{
	if (BPF_SRC(insn->code) == BPF_X)
		fprintf(to, "%c%u", bits, insn->src_reg);
	else if (bits == 'w')
		fprintf(to, "0x%" PRIx32, (uint32_t)insn->imm);
	else
		fprintf(to, "%" PRId32, insn->imm);
}

static void print_alu(FILE *to, const struct bpf_insn *insn)
{
	char bits = BPF_CLASS(insn->code) == BPF_ALU ? 'w' : 'r';
	unsigned int op = BPF_OP(insn->code);

	if (op == BPF_END && BPF_SRC(insn->code) == BPF_TO_BE) {
		fprintf(to, "r%u = be%" PRId32 " r%u\n", insn->dst_reg, insn->imm, insn->dst_reg);
	} else if (op == BPF_NEG) {
		fprintf(to, "%c%u = -%c%u\n", bits, insn->dst_reg, bits, insn->dst_reg);
	} else if (operators[op >> 4]) {
		fprintf(to, "%c%u %s ", bits, insn->dst_reg, operators[op >> 4]);
		print_operand(to, insn, bits);
		fputc('\n', to);
	} else {
		print_unknown(to, insn);
	}
}

static void print_jump(FILE *to, const struct bpf_insn *insn, size_t at)
{
	char bits = BPF_CLASS(insn->code) == BPF_JMP32 ? 'w' : 'r';
	unsigned int op = BPF_OP(insn->code);
	long target = (long)at + 1 + insn->off;

	if (op == BPF_CALL) {
		fprintf(to, "call %s#%" PRId32 "\n", helper(insn->imm), insn->imm);
	} else if (op == BPF_EXIT) {
		fputs("exit\n", to);
	} else if (op == BPF_JA) {
		fprintf(to, "goto %ld\n", target);
	} else if (comparisons[op >> 4]) {
		fprintf(to, "if %c%u %s ", bits, insn->dst_reg, comparisons[op >> 4]);
		print_operand(to, insn, bits);
		fprintf(to, " goto %ld\n", target);
	} else {
		print_unknown(to, insn);
	}
}

static void print_memory(FILE *to, const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_LDX)
		fprintf(to, "r%u = *(%s *)(r%u %+d)\n", insn->dst_reg, width(insn), insn->src_reg,
			insn->off);
	else if (BPF_CLASS(insn->code) == BPF_STX)
		fprintf(to, "*(%s *)(r%u %+d) = r%u\n", width(insn), insn->dst_reg, insn->off,
			insn->src_reg);
	else
		fprintf(to, "*(%s *)(r%u %+d) = %" PRId32 "\n", width(insn), insn->dst_reg,
			insn->off, insn->imm);
}

void cbpf_print(FILE *to, const struct bpf_insn *insns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *insn = &insns[i];

		fprintf(to, "%4zu: ", i);
		switch (BPF_CLASS(insn->code)) {
		case BPF_ALU:
		case BPF_ALU64: print_alu(to, insn); break;
		case BPF_JMP:
		case BPF_JMP32: print_jump(to, insn, i); break;
		case BPF_LDX:
		case BPF_ST:
		case BPF_STX:
			if (BPF_MODE(insn->code) == BPF_MEM) {
				print_memory(to, insn);
				break;
			} /* fall through */
		default: print_unknown(to, insn);
		}
	}
}

int cbpf_list(FILE *to, const struct sock_filter *filter, size_t n,
	      const struct cbpf_target *target)
{
	struct cbpf_code code;
	int r = cbpf_translate(filter, n, target, &code);

	if (r == 0) {
		cbpf_print(to, code.insns, code.n);
		fprintf(to, "%4zu: the frame is captured if r0 is 1\n", code.n);
	}
	cbpf_done(&code);
	return r;
}
