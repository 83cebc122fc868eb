/* SPDX-License-Identifier: MIT */
/*
 * Compiles expressions with libpcap, without a live handle: no privilege, no Linux extensions.
 *
 * libpcap's header and the kernel's have a struct of the same layout and different names; here is the
 * only place where one is taken for the other.
 */
#include <errno.h>
#include <pcap/pcap.h>

#include "bpf/tap.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"

void filter_done(struct filter *f)
{
	g_clear_pointer(&f->insns, g_free);
	f->n = 0;
}

static void keep(struct filter *f, const struct bpf_insn *insns, size_t n)
{
	f->insns = g_memdup2(insns, n * sizeof(*insns));
	f->n = n;
}

struct filter filter_nothing(void)
{
	static const struct bpf_insn reject_all = { .code = BPF_RET | BPF_K, .k = 0 };
	struct filter f;

	keep(&f, &reject_all, 1);
	return f;
}

static bool compile(pcap_t *dead, const char *expression, struct filter *ret, GError **error)
{
	struct bpf_program program = { 0 };

	if (pcap_compile(dead, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		keep(ret, program.bf_insns, program.bf_len);
		pcap_freecode(&program);
		return true;
	}
	if (!g_str_equal(pcap_geterr(dead), "expression rejects all packets"))
		return fail(error, "%s", pcap_geterr(dead));
	*ret = filter_nothing();
	return true;
}

static bool explain(int err, size_t culprit, GError **error)
{
	switch (err) {
	case -ELOOP: return fail(error, "\"protochain\" cannot run in the kernel: it needs a loop");
	case -E2BIG: return fail(error, "the filter is too large for the kernel");
	case -ENOMEM: return fail(error, "out of memory");
	default:
		return fail(error,
			    "libpcap made an instruction that cannot be translated (number %zu)",
			    culprit);
	}
}

bool filter_compile(const char *expression, int linktype, struct filter *ret, GError **error)
{
	pcap_t *dead;
	size_t culprit;
	bool ok;
	int r;

	*ret = FILTER_NONE;
	if (!expression)
		return true;
	dead = pcap_open_dead(linktype, TAP_SNAPLEN_MAX);
	if (!dead)
		return fail(error, "libpcap: out of memory");
	ok = compile(dead, expression, ret, error);
	pcap_close(dead);
	if (!ok)
		return false;
	r = tap_check_filter(ret->insns, ret->n, &culprit);
	return r == 0 || explain(r, culprit, error);
}

bool filter_check(const char *expression, int linktype, GError **error)
{
	_cleanup_(filter_done) struct filter f;

	return filter_compile(expression, linktype, &f, error);
}

static void print_classic(FILE *to, const struct filter *f)
{
	const struct bpf_insn *insns = (const struct bpf_insn *)f->insns;

	for (size_t i = 0; i < f->n; i++)
		fprintf(to, "%s\n", bpf_image(&insns[i], (int)i));
}

bool filter_print(FILE *to, const char *expression, bool is_classic, GError **error)
{
	_cleanup_(filter_done) struct filter f;

	if (!filter_compile(expression, LINK_LINKTYPE, &f, error))
		return false;
	if (is_classic)
		print_classic(to, &f);
	else
		(void)tap_print_filter(to, f.insns, f.n); /* it was translated a moment ago */
	return true;
}
