/* SPDX-License-Identifier: MIT */
/*
 * Compiles expressions with libpcap, without a live handle: this needs no privilege, and the result
 * contains no Linux extensions.
 *
 * libpcap's header and the kernel's each declare a struct of the same layout under different names.
 * This is the only file that treats one as the other.
 */
#include <errno.h>
#include <pcap/pcap.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"

static void set_insns(struct filter *f, const struct bpf_insn *insns, size_t n)
{
	f->insns = g_memdup2(insns, n * sizeof(*insns));
	f->n = n;
}

static void reject_all(struct filter *f)
{
	static const struct bpf_insn insn = { .code = BPF_RET | BPF_K, .k = 0 };

	set_insns(f, &insn, 1);
}

struct filter *filter_new_reject_all(void)
{
	struct filter *f = g_rc_box_new0(struct filter);

	reject_all(f);
	return f;
}

/* libpcap calls an expression that matches nothing an error; to its user it is a filter. */
static bool compile(struct filter *f, pcap_t *dead, GError **error)
{
	struct bpf_program program = { 0 };

	if (pcap_compile(dead, &program, f->expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		set_insns(f, program.bf_insns, program.bf_len);
		pcap_freecode(&program);
		return true;
	}
	if (!g_str_equal(pcap_geterr(dead), "expression rejects all packets"))
		return fail(error, "%s", pcap_geterr(dead));
	reject_all(f);
	return true;
}

static bool check(const struct filter *f, GError **error)
{
	size_t culprit;

	switch (tap_check_filter(f->insns, f->n, &culprit)) {
	case 0: return true;
	case -ELOOP: return fail(error, "\"protochain\" is not supported: it needs a loop");
	case -E2BIG: return fail(error, "the filter is too large for the kernel; shorten it");
	case -ENOMEM: return fail(error, "out of memory");
	default: return fail(error, "cannot translate libpcap instruction %zu to eBPF", culprit);
	}
}

struct filter *filter_new(const char *expression, int linktype, GError **error)
{
	_cleanup_(filter_unrefp) struct filter *f = g_rc_box_new0(struct filter);
	pcap_t *dead;
	bool ok;

	f->linktype = linktype;
	if (!expression || !*expression)
		return g_steal_pointer(&f);
	/* libpcap's API has numbers of its own for a few types. */
	dead = pcap_open_dead(linktype == LINK_LINKTYPE_RAW ? DLT_RAW : linktype, TAP_SNAPLEN_MAX);
	if (!dead) {
		fail(error, "libpcap: out of memory");
		return NULL;
	}
	f->expression = g_strdup(expression);
	ok = compile(f, dead, error);
	pcap_close(dead);
	return ok && check(f, error) ? g_steal_pointer(&f) : NULL;
}

struct filter *filter_for(struct filter *f, int linktype, GError **error)
{
	struct filter *other;

	if (!f->expression || f->linktype == linktype)
		return filter_ref(f);
	other = filter_new(f->expression, linktype, error);
	if (!other)
		g_prefix_error(error, "capture filter \"%.100s\": ", f->expression);
	return other;
}

struct filter *filter_for_any(struct filter *f, int linktype)
{
	g_autoptr(GError) why = NULL;
	struct filter *other = filter_for(f, linktype, &why);

	if (other)
		return other;
	g_info("%s", why->message);
	return filter_new_reject_all();
}

struct filter *filter_ref(struct filter *f)
{
	return g_rc_box_acquire(f);
}

static void clear(void *p)
{
	struct filter *f = p;

	g_free(f->expression);
	g_free(f->insns);
}

void filter_unref(struct filter *f)
{
	if (f)
		g_rc_box_release_full(f, clear);
}

void filter_print(FILE *to, const struct filter *f, bool is_classic)
{
	const struct bpf_insn *insns = (const struct bpf_insn *)f->insns;

	if (!is_classic && f->n)
		(void)tap_print_filter(to, f->insns, f->n); /* filter_new() has checked it */
	for (size_t i = 0; is_classic && i < f->n; i++)
		fprintf(to, "%s\n", bpf_image(&insns[i], (int)i));
}
