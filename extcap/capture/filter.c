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
#include "extcap/net/resolver.h"
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
		return fail(error, "%s%s", pcap_geterr(dead),
			    resolver_has_refused()
				    ? "; in another network namespace, give its address"
				    : "");
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

/* Borrowed; NULL: it has not been compiled. */
static struct filter *find(const struct filter *f, int linktype, unsigned int ifindex)
{
	if (!f->expression || is_for(f, linktype, ifindex))
		return (struct filter *)f;
	for (guint n = 0; f->others && n < f->others->len; n++)
		if (is_for(f->others->pdata[n], linktype, ifindex))
			return f->others->pdata[n];
	return NULL;
}

bool filter_has(const struct filter *f, int linktype, unsigned int ifindex)
{
	return find(f, linktype, ifindex);
}

/* Takes ownership. */
static void add_other(struct filter *f, struct filter *other)
{
	if (!f->others)
		f->others = g_ptr_array_new_with_free_func((GDestroyNotify)filter_unref);
	g_ptr_array_add(f->others, other);
}

void filter_adopt(struct filter *f, struct filter *made, const struct filter_place *place,
		  const char *why)
{
	struct filter *none;

	if (made) {
		add_other(f, filter_for(made, place->linktype, place->ifindex, NULL));
		return;
	}
	none = g_rc_box_new0(struct filter);
	none->linktype = place->linktype;
	none->why = g_strdup(why);
	add_other(f, none);
}

struct filter *filter_for(struct filter *f, int linktype, unsigned int ifindex, GError **error)
{
	struct filter *other = find(f, linktype, ifindex);

	if (other && other->why)
		fail(error, "%s", other->why);
	if (other)
		return other->why ? NULL : filter_ref(other);
	other = filter_new(f->expression, linktype, ifindex, error);
	if (!other) {
		g_prefix_error(error, "capture filter \"%.100s\": ", f->expression);
		return NULL;
	}
	add_other(f, filter_ref(other));
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

#define THREADS_MAX 4 /* at a time, most of them for filters that nobody waits for any more */

struct filter_job {
	char *expression;
	struct filter_place *places;
	size_t n;
	filter_compiled_fn fn; /* NULL: abandoned; not for the other thread */
	void *user;
	struct filter *filter;
	GError *error;
};

/* Only the main loop's thread looks at these. */
static unsigned int n_threads;
static GQueue waiting = G_QUEUE_INIT; /* of struct filter_job: for a thread */

static void start_next(void);

static void job_free(struct filter_job *job)
{
	filter_unref(job->filter);
	g_clear_error(&job->error);
	g_free(job->expression);
	g_free(job->places);
	g_free(job);
}

/* Back in the main loop. */
static gboolean on_compiled(void *user)
{
	struct filter_job *job = user;

	n_threads--;
	start_next();
	if (job->fn)
		job->fn(job->user, g_steal_pointer(&job->filter),
			job->error ? job->error->message : NULL);
	job_free(job);
	return G_SOURCE_REMOVE;
}

static void compile_all(struct filter_job *job)
{
	job->filter = filter_new(job->expression, LINK_LINKTYPE_ETHERNET, 0, &job->error);
	if (!job->filter) {
		g_prefix_error(&job->error, "capture filter \"%.100s\": ", job->expression);
		return;
	}
	for (size_t i = 0; i < job->n; i++) {
		const struct filter_place *p = &job->places[i];
		struct filter *other =
			p->may_reject
				? filter_for_any(job->filter, p->linktype, p->ifindex)
				: filter_for(job->filter, p->linktype, p->ifindex, &job->error);

		if (!other) {
			g_clear_pointer(&job->filter, filter_unref);
			return; /* filter_for() has added the expression to the sentence */
		}
		filter_unref(other);
	}
}

static void *compile_in_thread(void *user)
{
	compile_all(user);
	/* At the priority of the frames, or the result would wait until none arrive. */
	g_timeout_add_full(G_PRIORITY_DEFAULT, 0, on_compiled, user, NULL);
	return NULL;
}

static void start_next(void)
{
	struct filter_job *job = n_threads < THREADS_MAX ? g_queue_pop_head(&waiting) : NULL;

	if (!job)
		return;
	n_threads++;
	g_thread_unref(g_thread_new("filter", compile_in_thread, job));
}

struct filter_job *filter_compile(const char *expression, const struct filter_place *places,
				  size_t n, filter_compiled_fn fn, void *user)
{
	struct filter_job *job = g_new(struct filter_job, 1);

	*job = (struct filter_job){
		.expression = g_strdup(expression),
		.places = g_memdup2(places, n * sizeof(*places)),
		.n = n,
		.fn = fn,
		.user = user,
	};
	g_queue_push_tail(&waiting, job);
	start_next();
	return job;
}

void filter_abandon(struct filter_job *job)
{
	if (job && g_queue_remove(&waiting, job))
		job_free(job);
	else if (job)
		job->fn = NULL;
}

struct await {
	struct filter *filter;
	char *why;
};

static void on_awaited(void *user, struct filter *filter, const char *why)
{
	struct await *a = user;

	a->filter = filter;
	a->why = g_strdup(why);
}

struct filter *filter_await(const char *expression, const bool *is_stopped, GError **error)
{
	struct await a = { NULL };
	struct filter_job *job;

	if (!expression)
		return filter_new(NULL, LINK_LINKTYPE_ETHERNET, 0, error);
	job = filter_compile(expression, NULL, 0, on_awaited, &a);
	while (!a.filter && !a.why && !*is_stopped)
		g_main_context_iteration(NULL, true);
	if (!a.filter && !a.why)
		filter_abandon(job);
	if (a.why)
		fail_usage(error, "%s", a.why);
	g_free(a.why);
	return a.filter;
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
	g_free(f->why);
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

void filter_list_dlt(FILE *to, int linktype)
{
	const int dlt = dlt_of(linktype);

	fprintf(to, "  %s (%s)\n", pcap_datalink_val_to_name(dlt),
		pcap_datalink_val_to_description(dlt));
}

bool filter_knows_dlt(const char *name)
{
	return pcap_datalink_name_to_val(name) >= 0;
}

bool filter_is_dlt(const char *name, int linktype)
{
	return pcap_datalink_name_to_val(name) == dlt_of(linktype);
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
