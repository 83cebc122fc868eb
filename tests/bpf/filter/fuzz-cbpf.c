/* SPDX-License-Identifier: MIT */
/*
 * fuzz-cbpf.c - fuzz target: bytes become classic instructions, and these a filter
 *
 * Whatever goes in, the translator must refuse it or generate something that the verifier accepts. With
 * XDPTAP_FUZZ_LOAD the kernel judges it, which requires root and takes most of the time; otherwise only
 * what needs no kernel is checked. tests/bpf/filter/fuzz does the fuzzing.
 *
 * Eight bytes make an instruction: mostly one that libpcap knows, with jumps inside the program.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/filter/cbpf.h"

#define INSNS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t codes[] = {
	0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61,
	0x02, 0x03, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x94, 0x9c, 0x54,
	0x5c, 0x44, 0x4c, 0xa4, 0xac, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x05, 0x15, 0x1d,
	0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x06, 0x16, 0x07, 0x87,
};

static struct sock_filter decode(const uint8_t *bytes, size_t left)
{
	struct sock_filter f = { .code = (uint16_t)(bytes[0] << 8 | bytes[1]),
				 .jt = bytes[2],
				 .jf = bytes[3] };

	memcpy(&f.k, bytes + 4, 4);
	if (bytes[0] >= 4) {
		f.code = codes[bytes[1] % (sizeof(codes) / sizeof(*codes))];
		f.jt = (uint8_t)(f.jt % left);
		f.jf = (uint8_t)(f.jf % left);
		if (bytes[0] >= 64) /* mostly small numbers, which are more often valid */
			f.k &= 0x3f;
	}
	return f;
}

static void fail(const char *what, const struct sock_filter *filter, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "{ 0x%02x, %u, %u, 0x%08x },\n", filter[i].code, filter[i].jt,
			filter[i].jf, filter[i].k);
	fprintf(stderr, "%s\n", what);
	abort();
}

/* No jump may leave the code except to its end, and no reserved register may be written. */
static bool is_sound(const struct cbpf_code *code)
{
	for (size_t i = 0; i < code->n; i++) {
		const struct bpf_insn *insn = &code->insns[i];
		unsigned int class = BPF_CLASS(insn->code);
		bool is_jump = (class == BPF_JMP || class == BPF_JMP32) &&
			       BPF_OP(insn->code) != BPF_CALL;

		if (is_jump && (insn->off < 0 || i + 1 + (size_t)insn->off > code->n))
			return false;
		if ((class == BPF_ALU || class == BPF_ALU64 || class == BPF_LDX) &&
		    (insn->dst_reg == 6 || insn->dst_reg >= 10))
			return false;
		if (insn->code == (BPF_JMP | BPF_EXIT))
			return false;
	}
	return code->n > 0;
}

static int load(const struct cbpf_code *code, const struct cbpf_target *target)
{
	struct bpf_insn *insns = calloc(code->n + 3, sizeof(*insns));
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd;

	if (target->access == CBPF_XDP)
		opts.prog_flags = BPF_F_XDP_HAS_FRAGS;
	insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X,
				      .dst_reg = 6,
				      .src_reg = 1 };
	/* A number that the verifier does not know: the length, or the queue of XDP. */
	insns[1] = (struct bpf_insn){ .code = BPF_LDX | BPF_W | BPF_MEM,
				      .dst_reg = 7,
				      .src_reg = 1,
				      .off = target->access == CBPF_XDP ? 16 : 0 };
	memcpy(&insns[2], code->insns, code->n * sizeof(*insns));
	insns[code->n + 2] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	fd = bpf_prog_load(target->access == CBPF_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			   "fuzz", "Dual MIT/GPL", insns, code->n + 3, &opts);
	free(insns);
	return fd;
}

static void try_target(const struct sock_filter *filter, size_t n, const struct cbpf_target *target)
{
	struct cbpf_code code;
	int fd, r = cbpf_translate(filter, n, target, &code);

	if (r == 0 && !is_sound(&code))
		fail("not sound", filter, n);
	if (r < 0 && (code.insns || code.culprit >= n))
		fail("a refusal with an output, or without a culprit", filter, n);
	if (r == 0 && getenv("XDPTAP_FUZZ_LOAD")) {
		fd = load(&code, target);
		if (fd < 0 && fd != -E2BIG)
			fail("refused by the verifier", filter, n);
		if (fd >= 0)
			close(fd);
	}
	cbpf_done(&code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cbpf_target targets[] = {
		{ .access = CBPF_XDP, .has_tag = true, .stack = -64 },
		{ .access = CBPF_SKB },
	};
	struct sock_filter filter[INSNS_MAX];
	size_t n = size / 8 < INSNS_MAX - 1 ? size / 8 : INSNS_MAX - 1;

	for (size_t i = 0; i < n; i++)
		filter[i] = decode(data + 8 * i, n - i);
	filter[n++] = (struct sock_filter){ .code = BPF_RET | BPF_A };
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		try_target(filter, n, &targets[i]);
	return 0;
}

#ifdef REPLAY /* without a fuzzer: input from a fixed seed */
int main(void)
{
	uint8_t bytes[8 * 64];

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)random() % sizeof(bytes);

		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)(random() >> 7);
		LLVMFuzzerTestOneInput(bytes, size);
	}
	return 0;
}
#endif
