/* SPDX-License-Identifier: MIT */
/*
 * Compiles expressions with libpcap, without a live handle: this needs no privilege. Of Linux's
 * extensions the result contains only the packet type and the interface, which bpf/ knows.
 *
 * libpcap's header and the kernel's each declare a struct of the same layout under different names.
 * This is the only file that treats one as the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <string.h>

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
static bool compile_with(struct filter *f, pcap_t *dead, uint32_t netmask, GError **error)
{
	struct bpf_program program = { 0 };

	if (pcap_compile(dead, &program, f->expression, 1, netmask) == 0) {
		set_insns(f, program.bf_insns, program.bf_len);
		pcap_freecode(&program);
		return true;
	}
	if (!g_str_equal(pcap_geterr(dead), "expression rejects all packets"))
		return fail(error, "%s", pcap_geterr(dead));
	reject_all(f);
	return true;
}

/*
 * 0 where the interface has no IPv4 address: then "ip broadcast" means 255.255.255.255 and 0.0.0.0.
 * pcap_compile() expects another byte order than that of pcap_lookupnet(): see libpcap's pull request 1454.
 */
static uint32_t find_netmask(unsigned int ifindex)
{
	char name[IF_NAMESIZE], why[PCAP_ERRBUF_SIZE];
	bpf_u_int32 net, mask;

	if (!if_indextoname(ifindex, name) || pcap_lookupnet(name, &net, &mask, why) < 0)
		return 0;
	return ntohl(mask);
}

/* What compiles only with a netmask needs it. */
static bool compile(struct filter *f, pcap_t *dead, unsigned int ifindex, GError **error)
{
	if (compile_with(f, dead, PCAP_NETMASK_UNKNOWN, NULL))
		return true;
	f->needs_netmask = true;
	f->netmask = find_netmask(ifindex);
	return compile_with(f, dead, f->netmask, error);
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

/* libpcap's API has numbers of its own for a few types. */
static int dlt_of(int linktype)
{
	return linktype == LINK_LINKTYPE_RAW ? DLT_RAW : linktype;
}

struct filter *filter_new(const char *expression, int linktype, unsigned int ifindex,
			  GError **error)
{
	_cleanup_(filter_unrefp) struct filter *f = g_rc_box_new0(struct filter);
	pcap_t *dead;
	bool ok;

	f->linktype = linktype;
	if (!expression || !*expression)
		return g_steal_pointer(&f);
	dead = pcap_open_dead(dlt_of(linktype), TAP_SNAPLEN_MAX);
	if (!dead) {
		fail(error, "libpcap: out of memory");
		return NULL;
	}
	f->expression = g_strdup(expression);
	ok = compile(f, dead, ifindex, error);
	pcap_close(dead);
	return ok && check(f, error) ? g_steal_pointer(&f) : NULL;
}

static bool is_for(const struct filter *f, int linktype, unsigned int ifindex)
{
	return f->linktype == linktype &&
	       (!f->needs_netmask || f->netmask == find_netmask(ifindex));
}

struct filter *filter_for(struct filter *f, int linktype, unsigned int ifindex, GError **error)
{
	struct filter *other;

	if (!f->expression || is_for(f, linktype, ifindex))
		return filter_ref(f);
	for (guint n = 0; f->others && n < f->others->len; n++)
		if (is_for(f->others->pdata[n], linktype, ifindex))
			return filter_ref(f->others->pdata[n]);
	other = filter_new(f->expression, linktype, ifindex, error);
	if (!other) {
		g_prefix_error(error, "capture filter \"%.100s\": ", f->expression);
		return NULL;
	}
	if (!f->others)
		f->others = g_ptr_array_new_with_free_func((GDestroyNotify)filter_unref);
	g_ptr_array_add(f->others, filter_ref(other));
	return other;
}

struct filter *filter_for_any(struct filter *f, int linktype, unsigned int ifindex)
{
	g_autoptr(GError) why = NULL;
	struct filter *other = filter_for(f, linktype, ifindex, &why);

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
	g_clear_pointer(&f->others, g_ptr_array_unref);
}

void filter_unref(struct filter *f)
{
	if (f)
		g_rc_box_release_full(f, clear);
}

void filter_print(FILE *to, const struct filter *f, unsigned int ifindex, bool is_classic)
{
	const struct bpf_insn *insns = (const struct bpf_insn *)f->insns;

	if (!is_classic && f->n)
		(void)tap_print_filter(to, f->insns, f->n, ifindex); /* filter_new() checked it */
	for (size_t i = 0; is_classic && i < f->n; i++)
		fprintf(to, "%s\n", bpf_image(&insns[i], (int)i));
}

void filter_print_dlt(FILE *to, int linktype)
{
	const int dlt = dlt_of(linktype);

	fprintf(to, "dlt {number=%d}{name=%s}{display=%s}\n", dlt, pcap_datalink_val_to_name(dlt),
		pcap_datalink_val_to_description(dlt));
}

/* [pcapng §section_idb] if_filter: one byte that says what it is, then the text. */
char *filter_text(const char *expression)
{
	const size_t max = UINT16_MAX - 1;
	const char *const mark = " [...]";
	const char *end;

	if (!expression || strlen(expression) <= max)
		return g_strdup(expression);
	/* An option's value is valid UTF-8, so this finds the start of a character. */
	end = g_utf8_find_prev_char(expression, expression + max - strlen(mark) + 1);
	return g_strdup_printf("%.*s%s", (int)(end - expression), expression, mark);
}
