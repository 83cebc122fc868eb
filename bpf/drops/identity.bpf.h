/* SPDX-License-Identifier: MIT */
/*
 * Whether a packet that is dropped is one that was received before. The address of a buffer does not tell:
 * the kernel frees most buffers without a word, and their addresses go to others. But while a socket asks
 * for time stamps, the kernel notes in each buffer when it received it, to the ns, and copies of the buffer
 * have that, too. Packets that two CPUs receive in the same ns exist at the same time, so their data is
 * at different addresses. Both together, then, belong to one packet.
 *
 * A file must not reveal addresses of the kernel. SipHash-1-3 hides them.
 */
#ifndef XDPTAP_BPF_DROPS_IDENTITY_BPF_H
#define XDPTAP_BPF_DROPS_IDENTITY_BPF_H

#include <linux/types.h>

struct sip {
	__u64 a, b, c, d;
};

static __always_inline __u64 rotate(__u64 value, const __u32 bits)
{
	return value << bits | value >> (64 - bits);
}

static __always_inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static __always_inline void sip_add(struct sip *s, __u64 word)
{
	s->d ^= word;
	sip_round(s);
	s->a ^= word;
}

/* 0: unknown, as it was not stamped. */
static __always_inline __u64 identify(__u64 received_ns, __u64 head, const volatile __u64 *secret)
{
	struct sip s = {
		secret[0] ^ 0x736f6d6570736575,
		secret[1] ^ 0x646f72616e646f6d,
		secret[0] ^ 0x6c7967656e657261,
		secret[1] ^ 0x7465646279746573,
	};

	if (!received_ns || !head)
		return 0;
	sip_add(&s, received_ns);
	sip_add(&s, head);
	sip_add(&s, 16ULL << 56); /* the length */
	s.c ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

#endif
