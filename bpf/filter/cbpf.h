/* SPDX-License-Identifier: MIT */
/*
 * Translates a capture filter, as libpcap compiles it, from classic BPF to eBPF.
 *
 * A pure function: it uses no libpcap, no libbpf and no kernel. The result means exactly what libpcap's
 * bpf_filter() means: 32-bit arithmetic; A, X and M[] begin as zero; a load beyond the end of the
 * frame, a division by zero and "ret #0" reject; any other return value accepts. A shift by 32 or
 * more gives zero if the count is in X and is invalid if it is a constant (libpcap's compiler refuses
 * it, too). Neither the snaplen nor the split of a frame into a linear part and fragments matters. One
 * limit is the kernel's: in XDP its helper reads only the first 64 KiB of a frame, so a load beyond
 * them rejects.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_H
#define XDPTAP_BPF_FILTER_CBPF_H

#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What context a program gets, and so how it reads the frame. */
enum cbpf_access {
	CBPF_XDP, /* struct xdp_md */
	/*
	 * struct __sk_buff of tc, with direct packet access, and a head: bytes of the frame that
	 * precede those of the context. r9 is their number, at most CBPF_HEAD_MAX; 0: none, the usual
	 * case. r8 is the address, on the stack, of CBPF_HEAD_SIZE bytes: these and the next ones of
	 * the frame. With a head there is no tag.
	 */
	CBPF_SKB,
	/*
	 * The same on a device without a link-layer header. The context's part of the frame begins at
	 * its network header: r7 is the number of bytes before it. There is no tag.
	 */
	CBPF_SKB_NETWORK,
	/*
	 * None: r6 is the kernel's address of the frame, which is linear, and r7 is its length.
	 * There is no tag.
	 */
	CBPF_MEMORY,
};

#define CBPF_HEAD_MAX  20
#define CBPF_HEAD_SIZE 24 /* any load that begins in a head ends here */

#define CBPF_STACK 88 /* bytes of stack that a translated filter uses, at most */

struct cbpf_target {
	enum cbpf_access access;
	/*
	 * The NIC may have stripped a VLAN tag. The filter sees it where it was, from byte 12 on. At run
	 * time r7 holds its four bytes as a number, or 0 if there is none.
	 */
	bool has_tag;
	int stack; /* from r10: the CBPF_STACK bytes below this are free; 0, or negative and a multiple of 8 */
};

/*
 * The translation: code to be placed inside a program. It expects the context in r6, may change every
 * other register but r10, has no exit, and runs off its end with r0 = 1 if the frame matches, else
 * r0 = 0.
 */
struct cbpf_code {
	struct bpf_insn *insns;
	size_t n;
	size_t culprit; /* after a failure: the classic instruction at fault */
};

/*
 * Translates n instructions. 0, and *ret needs cbpf_done(); or, with ret->culprit set: -ELOOP: a
 * backward jump, which only "protochain" generates; -EOPNOTSUPP: an instruction unknown to libpcap,
 * or to cbpf_bind(), which comes first;
 * -EINVAL: an invalid program (it jumps or runs past its end, divides by a constant zero, shifts by a
 * constant of 32 or more, or uses an M[] that does not exist); -E2BIG: too large for eBPF's jumps;
 * -ENOMEM.
 */
int cbpf_translate(const struct sock_filter *filter, size_t n, const struct cbpf_target *target,
		   struct cbpf_code *ret);
void cbpf_done(struct cbpf_code *code);

/* Writes a listing, one instruction per line, in the notation of bpftool and the kernel. */
void cbpf_print(FILE *to, const struct bpf_insn *insns, size_t n);
/*
 * Translates, and writes a listing with the meaning of its result. 0 or -errno as above.
 */
int cbpf_list(FILE *to, const struct sock_filter *filter, size_t n,
	      const struct cbpf_target *target);

#endif
