/* SPDX-License-Identifier: MIT */
/*
 * Translates a capture filter, as libpcap compiles it, from classic BPF to eBPF.
 *
 * A pure function: no libpcap, no libbpf, no kernel is asked. It means exactly what libpcap's
 * bpf_filter() means: 32-bit arithmetic; A, X and M[] begin as zero; a load beyond the end of the
 * frame, a division by zero and "ret #0" reject; any other return value accepts. A shift by 32 or
 * more gives zero where the count is in X and is not valid where it is a constant (libpcap's
 * compiler refuses it, too). Neither the snaplen nor the split of a frame into a linear part and
 * fragments plays a role. One limit is the kernel's: of a frame in XDP that is longer than 64 KiB,
 * its helper reads nothing beyond that, so a load there rejects.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_H
#define XDPTAP_BPF_FILTER_CBPF_H

#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What kind of context a program gets, and so how it gets at the frame. */
enum cbpf_access {
	CBPF_XDP, /* struct xdp_md */
	CBPF_SKB, /* struct __sk_buff of tc, where direct packet access is allowed */
	/*
	 * None: r6 is the kernel's address of the frame, which is in one piece, and r7 holds its length.
	 * There is no tag.
	 */
	CBPF_MEMORY,
};

#define CBPF_STACK 72 /* bytes of stack that a translated filter uses at the most */

struct cbpf_target {
	enum cbpf_access access;
	/*
	 * A VLAN tag may have been taken out of the frame. The filter is to see it where it was, in the
	 * bytes from 12 on. At run time r7 holds these four bytes as a number, or 0 where there is none.
	 */
	bool has_tag;
	int stack; /* from r10: the CBPF_STACK bytes below this are free; 0, or negative and a multiple of 8 */
};

/*
 * The translation: a piece of straight code for the inside of a program. It expects the context in
 * r6, may change every other register but r10, has no exit, and runs off its end with r0 = 1 where
 * the frame matches and r0 = 0 where it does not.
 */
struct cbpf_code {
	struct bpf_insn *insns;
	size_t n;
	size_t culprit; /* after a failure: the classic instruction that cannot be translated */
};

/*
 * Translates n instructions. 0, and *ret is to be given to cbpf_done(); or, with ret->culprit set:
 * -ELOOP: a backward jump, which only "protochain" makes; -EOPNOTSUPP: an instruction unknown to
 * libpcap; -EINVAL: not a valid program (jumps or runs out of itself, constant division by zero or
 * shift by 32 and more, no such M[]); -E2BIG: too large for eBPF's jumps; -ENOMEM.
 */
int cbpf_translate(const struct sock_filter *filter, size_t n, const struct cbpf_target *target,
		   struct cbpf_code *ret);
void cbpf_done(struct cbpf_code *code);

/* Writes a listing, an instruction per line, as bpftool and the kernel spell them. */
void cbpf_print(FILE *to, const struct bpf_insn *insns, size_t n);

#endif
