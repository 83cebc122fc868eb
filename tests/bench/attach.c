/* SPDX-License-Identifier: MIT */
/*
 * What the kernel alone takes to attach a program to hundreds of interfaces, one program for all of them: at XDP
 * in native mode, and at tcx for sent frames, where it waits for RCU each time. "-i any" cannot be faster.
 *
 *	attach [INTERFACES]
 */
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define TCX_EGRESS 47 /* not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Veth pairs; the indexes of all their ends follow that of lo. */
static int add_interfaces(int n)
{
	FILE *ip = popen("ip -batch -", "w");

	for (int i = 0; ip && i < n / 2; i++)
		fprintf(ip, "link add a%d up type veth peer name b%d\nlink set b%d up\n", i, i, i);
	return ip ? pclose(ip) : -1;
}

/* A program that returns a number; its descriptor. */
static int load(enum bpf_prog_type type, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	return bpf_prog_load(type, "attach", "GPL", insns, 2, &opts);
}

static int attach_all(const char *what, int program, enum bpf_attach_type type, uint32_t flags,
		      int n)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	double begin = now_s();

	for (int i = 0; i < n; i++)
		if (bpf_link_create(program, 2 + i, type, &opts) < 0) {
			perror(what);
			return 1;
		}
	printf("%s: %d interfaces in %.2f s, %.2f ms each\n", what, n, now_s() - begin,
	       (now_s() - begin) * 1000 / n);
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 500;
	const struct rlimit descriptors = { 65536, 65536 };
	int xdp = load(BPF_PROG_TYPE_XDP, XDP_PASS), tc = load(BPF_PROG_TYPE_SCHED_CLS, -1);

	(void)setrlimit(RLIMIT_NOFILE, &descriptors);
	if (xdp < 0 || tc < 0 || unshare(CLONE_NEWNET) < 0 || add_interfaces(n) != 0)
		return 77;
	return attach_all("XDP in native mode", xdp, BPF_XDP, XDP_FLAGS_DRV_MODE, n) ||
	       attach_all("tcx, sent frames", tc, (enum bpf_attach_type)TCX_EGRESS, 0, n);
}
