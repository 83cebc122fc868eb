/* SPDX-License-Identifier: MIT */
/*
 * The cost of a rejected frame, in ns more than a program that does nothing, by BPF_PROG_TEST_RUN: for
 * our complete XDP program (which also counts the frame as seen), and for the program that the kernel
 * makes of the same filter for tcpdump's socket.
 *
 * The kernel does not expose its own conversion, so it is repeated here as bpf_convert_filter() in
 * net/core/filter.c does it: loads become BPF_LD | BPF_ABS, which the verifier expands. The figure leaves
 * out what tcpdump pays before that filter: the socket buffer and the packet socket.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/filter/ebpf.h"
#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "tests/bpf/filter/oracle.h"
#include "xdp.skel.h"

#define ETHERNET 14
#define RUNS	 60
#define REPEAT	 10000 /* short, so that some runs are undisturbed */

enum { A = 0, CTX = 6, X = 7, SAVED = 8 };

static const char twenty[] =
	"tcp port 80 or tcp port 443 or tcp port 22 or udp port 123 or udp port 161 or "
	"host 10.1.1.1 or host 10.1.1.2 or host 10.1.1.3 or net 172.16.0.0/12 or "
	"host 192.168.1.1 or icmp or arp or udp port 5060 or udp port 5061 or tcp port 8080 or "
	"tcp port 8443 or udp port 67 or udp port 68 or ip6 host 2001:db8::7 or port 3306";

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t n)
{
	return bpf_prog_load(type, "bench", "Dual MIT/GPL", insns, n, NULL);
}

static int load_empty(enum bpf_prog_type type)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = type == BPF_PROG_TYPE_XDP ? 2 : 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load(type, insns, 2);
}

static void convert_load(struct ebpf *e, const struct sock_filter *f)
{
	struct bpf_insn insn = { .code = (uint8_t)f->code, .imm = (int32_t)f->k };

	if (BPF_CLASS(f->code) == BPF_LDX) { /* msh */
		ebpf_alu64_reg(e, BPF_MOV, SAVED, A);
		insn.code = BPF_LD | BPF_ABS | BPF_B;
		ebpf_put(e, insn, EBPF_NO_LABEL);
		ebpf_alu32(e, BPF_AND, A, 0xf);
		ebpf_alu32(e, BPF_LSH, A, 2);
		ebpf_alu64_reg(e, BPF_MOV, X, A);
		ebpf_alu64_reg(e, BPF_MOV, A, SAVED);
		return;
	}
	if (BPF_MODE(f->code) == BPF_IND)
		insn.src_reg = X;
	ebpf_put(e, insn, EBPF_NO_LABEL);
}

/* Converts the instructions of expressions without arithmetic; false for any other. */
static int convert_one(struct ebpf *e, const struct sock_filter *f, size_t i)
{
	struct bpf_insn insn = { .code = (uint8_t)(BPF_JMP32 | BPF_OP(f->code) | BPF_K),
				 .imm = (int32_t)f->k };

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX: convert_load(e, f); break;
	case BPF_ALU: ebpf_alu32(e, BPF_OP(f->code), A, f->k); break;
	case BPF_JMP:
		if (BPF_OP(f->code) != BPF_JA)
			ebpf_put(e, insn, i + 1 + f->jt);
		ebpf_jump(e, i + 1 + (BPF_OP(f->code) == BPF_JA ? f->k : f->jf));
		break;
	case BPF_RET:
		ebpf_alu32(e, BPF_MOV, A, f->k);
		ebpf_put(e, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT }, EBPF_NO_LABEL);
		break;
	default: return 0;
	}
	return 1;
}

static int load_converted(const struct sock_filter *filter, size_t n)
{
	size_t *start = calloc(n, sizeof(*start));
	struct ebpf e = { 0 };
	int fd = -1;

	ebpf_alu64_reg(&e, BPF_MOV, CTX, 1);
	ebpf_alu32(&e, BPF_MOV, A, 0);
	ebpf_alu32(&e, BPF_MOV, X, 0);
	for (size_t i = 0; i < n; i++) {
		start[i] = e.n;
		if (!convert_one(&e, &filter[i], i))
			goto out;
	}
	if (ebpf_resolve(&e, start) == 0)
		fd = load(BPF_PROG_TYPE_SOCKET_FILTER, e.insns, e.n);
out:
	ebpf_done(&e);
	free(start);
	return fd;
}

static int load_ours(struct maps *maps, const struct sock_filter *filter, size_t n)
{
	struct xdp_bpf *skel = xdp_bpf__open();

	skel->rodata->config = (struct wire_config){ .snaplen = WIRE_FRAME_MAX,
						     .wake_bytes = UINT32_MAX };
	if (patch_filter(skel->progs.tap_xdp, filter, n, CBPF_XDP) < 0 ||
	    maps_share(maps, skel->obj) < 0 || xdp_bpf__load(skel) < 0)
		return -1;
	return bpf_program__fd(skel->progs.tap_xdp); /* lives as long as the process */
}

static unsigned int run(int fd, const uint8_t *frame, uint32_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .repeat = REPEAT);

	if (bpf_prog_test_run_opts(fd, &opts) < 0) {
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	return opts.duration;
}

static void measure(struct maps *maps, const char *name, const char *expression,
		    const uint8_t *frame, uint32_t len)
{
	uint8_t twice[256];
	const char *error = NULL;
	size_t n = 0;
	struct sock_filter *filter = oracle_compile(expression, &n, &error);
	int fds[4] = { load_empty(BPF_PROG_TYPE_XDP), load_ours(maps, filter, n),
		       load_empty(BPF_PROG_TYPE_SOCKET_FILTER), load_converted(filter, n) };
	unsigned int best[4] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };

	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0 || fds[3] < 0 ||
	    oracle_matches(filter, n, frame, len)) {
		fprintf(stderr, "%s: cannot be measured\n", name);
		exit(1);
	}
	/* A test run removes the Ethernet header before a socket filter runs, so add another. */
	memcpy(twice, frame, ETHERNET);
	memcpy(twice + ETHERNET, frame, len);
	for (int r = 0; r < RUNS; r++) {
		for (int i = 0; i < 4; i++) {
			unsigned int ns = i < 2 ? run(fds[i], frame, len)
						: run(fds[i], twice, len + ETHERNET);

			if (ns < best[i])
				best[i] = ns;
		}
	}
	printf("%-28s %4zu insns: xdptap %3u ns over nothing (%u), socket filter %3u ns (%u)\n",
	       name, n, best[1] - best[0], best[0], best[3] - best[2], best[2]);
	free(filter);
}

int main(void)
{
	static const uint8_t udp[128] = { 2,  0, 0,  0,	 0,    1,    2,	   0,	 0, 0,
					  0,  2, 8,  0,	 0x45, 0,    0,	   114,	 0, 0,
					  0,  0, 64, 17, 0,    0,    10,   9,	 0, 1,
					  10, 9, 0,  2,	 0x30, 0x39, 0x30, 0x3a, 0, 94 };
	struct maps maps;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (maps_init(&maps, 1 << 20, 1024) < 0)
		return 77;
	measure(&maps, "one comparison", "ether[0] = 0xff", udp, sizeof(udp));
	measure(&maps, "arp", "arp", udp, sizeof(udp));
	measure(&maps, "tcp port 443", "tcp port 443", udp, sizeof(udp));
	measure(&maps, "host 10.1.1.1 and udp", "host 10.1.1.1 and udp", udp, sizeof(udp));
	measure(&maps, "twenty terms", twenty, udp, sizeof(udp));
	measure(&maps, "tcp port 443, 36 bytes", "tcp port 443", udp, 36);
	maps_done(&maps);
	return 0;
}
