/* SPDX-License-Identifier: MIT */
/* What the translator refuses, and with which error and instruction. Needs no privilege. */
#include <errno.h>
#include <glib.h>
#include <linux/if_packet.h>

#include "bpf/filter/cbpf.h"
#include "bpf/filter/cbpf-bind.h"
#include "tests/bpf/filter/oracle.h"

#define ACCEPT                                                                                     \
	{                                                                                          \
		BPF_RET | BPF_K, 0, 0, 1                                                           \
	}

static int translate(const struct sock_filter *filter, size_t n, size_t *ret_culprit)
{
	const struct cbpf_target target = { .access = CBPF_XDP };
	struct cbpf_code code;
	int r = cbpf_translate(filter, n, &target, &code);

	*ret_culprit = code.culprit;
	cbpf_done(&code);
	return r;
}

static void test_instructions(void)
{
	static const struct {
		struct sock_filter insn;
		int error;
	} cases[] = {
		{ { BPF_JMP | BPF_JA, 0, 0, 0xfffffffe }, -ELOOP },
		{ { BPF_JMP | BPF_JA, 0, 0, 0x80000000 }, -ELOOP },
		{ { BPF_JMP | BPF_JA, 0, 0, 0x7fffffff }, -EINVAL },
		{ { BPF_JMP | BPF_JA, 0, 0, 1 }, -EINVAL },
		{ { BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0 }, -EINVAL },
		{ { BPF_JMP | BPF_JSET | BPF_X, 0, 1, 0 }, -EINVAL },
		{ { BPF_JMP | BPF_JA, 0, 0, 0 }, 0 },
		{ { BPF_JMP | 0x50, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_JMP | BPF_JA | BPF_X, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0 }, -EINVAL },
		{ { BPF_ALU | BPF_MOD | BPF_K, 0, 0, 0 }, -EINVAL },
		{ { BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0 }, 0 },
		{ { BPF_ALU | BPF_LSH | BPF_K, 0, 0, 32 }, -EINVAL },
		{ { BPF_ALU | BPF_RSH | BPF_K, 0, 0, 0x80000000 }, -EINVAL },
		{ { BPF_ALU | BPF_RSH | BPF_K, 0, 0, 31 }, 0 },
		{ { BPF_ALU | BPF_NEG | BPF_X, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_ALU | 0xb0, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_ST, 0, 0, 15 }, 0 },
		{ { BPF_ST, 0, 0, 16 }, -EINVAL },
		{ { BPF_STX, 0, 0, 0xffffffff }, -EINVAL },
		{ { BPF_LD | BPF_MEM, 0, 0, 16 }, -EINVAL },
		{ { BPF_LDX | BPF_MEM, 0, 0, 16 }, -EINVAL },
		{ { BPF_LD | BPF_B | BPF_LEN, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_LD | BPF_B | BPF_MSH, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_LDX | BPF_W | BPF_ABS, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_RET | BPF_X, 0, 0, 0 }, -EOPNOTSUPP },
		{ { BPF_MISC | 0x40, 0, 0, 0 }, -EOPNOTSUPP },
		{ { 0xffff, 0, 0, 0 }, -EOPNOTSUPP },
		{ { 0x0106, 0, 0, 0 }, -EOPNOTSUPP },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct sock_filter filter[] = { { BPF_LD | BPF_IMM, 0, 0, 7 },
						      cases[i].insn,
						      ACCEPT };
		size_t culprit;

		g_assert_cmpint(translate(filter, 3, &culprit), ==, cases[i].error);
		if (cases[i].error)
			g_assert_cmpuint(culprit, ==, 1);
	}
}

static void test_ends(void)
{
	static const struct sock_filter open[] = { ACCEPT, { BPF_LD | BPF_IMM, 0, 0, 7 } };
	size_t culprit;

	g_assert_cmpint(translate(NULL, 0, &culprit), ==, -EINVAL);
	g_assert_cmpint(translate(open, 2, &culprit), ==, -EINVAL);
	g_assert_cmpuint(culprit, ==, 1);
	g_assert_cmpint(translate(open, 1, &culprit), ==, 0);
}

static void test_protochain(void)
{
	static const char *const chains[] = { "ip6 protochain 6", "protochain 17",
					      "ip protochain 6 or arp" };

	for (size_t i = 0; i < G_N_ELEMENTS(chains); i++) {
		const char *error = NULL;
		size_t n = 0, culprit;
		g_autofree struct sock_filter *filter = oracle_compile(chains[i], &n, &error);

		g_assert_nonnull(filter);
		g_assert_cmpint(translate(filter, n, &culprit), ==, -ELOOP);
		g_assert_cmpuint(filter[culprit].code, ==, BPF_JMP | BPF_JA);
	}
}

/* A program that jumps farther than eBPF's jumps reach; one of half the size is accepted. */
static void test_size(void)
{
	const size_t n = 40000;
	g_autofree struct sock_filter *filter = g_new0(struct sock_filter, n);
	size_t culprit;

	for (size_t i = 0; i < n; i++)
		filter[i] = (struct sock_filter){ BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1 };
	filter[0] = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1 };
	filter[1] = (struct sock_filter){ BPF_JMP | BPF_JA, 0, 0, (guint32)(n - 4) };
	filter[n - 2] = (struct sock_filter){ BPF_MISC | BPF_TAX, 0, 0, 0 };
	filter[n - 1] = (struct sock_filter){ BPF_RET | BPF_A, 0, 0, 0 };
	g_assert_cmpint(translate(filter, n, &culprit), ==, -E2BIG);
	filter[1].k = (guint32)(n / 2 - 4);
	filter[n / 2 - 1] = filter[n - 1];
	g_assert_cmpint(translate(filter, n / 2, &culprit), ==, 0);
}

/* What a packet socket answers about a frame: the packet type and the interface, and no more. */
static void test_ancillary(void)
{
	const struct cbpf_place sent = { .ifindex = 7, .is_egress = true };
	const struct sock_filter filter[] = {
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, (guint32)(SKF_AD_OFF + SKF_AD_PKTTYPE) },
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (guint32)(SKF_AD_OFF + SKF_AD_IFINDEX) },
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 },
		ACCEPT,
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (guint32)(SKF_AD_OFF + SKF_AD_MARK) },
		ACCEPT,
	};
	g_autofree struct sock_filter *bound = cbpf_bind(filter, 4, &sent);
	size_t culprit;

	g_assert_cmpuint(bound[0].code, ==, BPF_LD | BPF_IMM);
	g_assert_cmpuint(bound[0].k, ==, PACKET_OUTGOING);
	g_assert_cmpuint(bound[1].code, ==, BPF_LD | BPF_IMM);
	g_assert_cmpuint(bound[1].k, ==, 7);
	g_assert_cmpmem(&bound[2], sizeof(*bound), &filter[2], sizeof(*filter));
	g_assert_cmpint(translate(filter, 4, &culprit), ==, 0);
	g_assert_cmpint(translate(filter, 6, &culprit), ==, -EOPNOTSUPP);
	g_assert_cmpuint(culprit, ==, 4);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cbpf/instructions", test_instructions);
	g_test_add_func("/cbpf/ends", test_ends);
	g_test_add_func("/cbpf/protochain", test_protochain);
	g_test_add_func("/cbpf/size", test_size);
	g_test_add_func("/cbpf/ancillary", test_ancillary);
	return g_test_run();
}
