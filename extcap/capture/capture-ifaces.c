/* SPDX-License-Identifier: MIT */
/* From the names on the command line to attached programs. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "extcap/capture/attach.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/system/privileges.h"
#include "extcap/capture/capture-ifaces.h"
#include "extcap/capture/ifaces/captured.h"
#include "extcap/capture/ifaces/left-out.h"
#include "extcap/capture/ifaces/order.h"
#include "extcap/net/link-watch.h"
#include "extcap/net/promisc.h"
#include "extcap/process/owners.h"

#define LOOK_MS	 1000	 /* between questions: who attached in front, who removed our program */
#define READY_MS 20	 /* between looks whether a filter is compiled */
#define START_US 1500000 /* for "any", after its first interface, before the capture begins */

void capture_ifaces_init(struct capture_ifaces *m, const struct config *config)
{
	*m = (struct capture_ifaces){
		.config = config,
		.list = g_ptr_array_new_with_free_func(captured_free),
		.is_any = attach_is_any(config),
		.pending = g_ptr_array_new_with_free_func((GDestroyNotify)link_free),
		.refused = g_hash_table_new(NULL, NULL),
		.links_fd = -1,
		.names = g_ptr_array_new_with_free_func(g_free),
		.promisc_fd = -1,
	};
	newcomers_init(&m->newcomers);
}

void capture_ifaces_release(struct capture_ifaces *m)
{
	close_fdp(&m->links_fd);
	close_fdp(&m->promisc_fd);
}

void capture_ifaces_done(struct capture_ifaces *m)
{
	capture_ifaces_release(m);
	ready_done(&m->ready);
	newcomers_done(&m->newcomers);
	g_clear_pointer(&m->loss, g_free);
	g_clear_pointer(&m->os, g_free);
	g_clear_pointer(&m->refused, g_hash_table_unref);
	g_clear_pointer(&m->pending, g_ptr_array_unref);
	g_clear_pointer(&m->list, g_ptr_array_unref);
	g_clear_pointer(&m->names, g_ptr_array_unref);
}

static struct captured *find(const struct capture_ifaces *m, unsigned int ifindex)
{
	for (guint n = 0; n < m->list->len; n++) {
		struct captured *one = m->list->pdata[n];

		if (one->link->index == ifindex)
			return one;
	}
	return NULL;
}

static bool is_captured(const struct capture_ifaces *m, const struct link *i)
{
	return find(m, i->index);
}

/* Without it only frames addressed to this machine arrive, which is no reason not to capture. */
static void make_promiscuous(struct capture_ifaces *m, unsigned int ifindex)
{
	if (m->promisc_fd < 0 || !promisc_add(m->promisc_fd, ifindex))
		g_warning("cannot enable promiscuous mode: %s", g_strerror(errno));
}

/* Only drops: promiscuous mode would cause some. */
static bool sees_drops_only(const struct capture_ifaces *m)
{
	return point_choose(options_point(m->config), false)->sees_drops;
}

/* Takes ownership of the interface. */
static bool add(struct capture_ifaces *m, struct filter *filter, uint64_t direction, struct link *i,
		GError **error)
{
	struct captured *new = captured_new(m->tap, m->config, filter, direction, i, error);

	if (!new)
		return false;
	g_ptr_array_add(m->list, new);
	newcomers_note(&m->newcomers, m->tap);
	if (m->config->is_promiscuous && i->type != ARPHRD_LOOPBACK && !link_is_headerless(i) &&
	    !sees_drops_only(m))
		make_promiscuous(m, i->index);
	return true;
}

/* Packets without an interface, and those of interfaces that we do not know. */
static bool add_none(struct capture_ifaces *m, struct filter *filter, GError **error)
{
	return !sees_drops_only(m) || add(m, filter, m->config->direction, link_new_none(), error);
}

/* Those that are up (for drops, also the others), are not captured yet and can be are the next ones to join. */
static void find_pending(struct capture_ifaces *m, GPtrArray *links)
{
	g_ptr_array_set_size(m->pending, 0);
	order_links(links);
	for (guint n = links->len; n-- > 0;) {
		const struct link *i = links->pdata[n];

		if (!i->is_up && !sees_drops_only(m))
			g_hash_table_remove(m->refused, GUINT_TO_POINTER(i->index));
		else if (!is_captured(m, i) &&
			 !g_hash_table_contains(m->refused, GUINT_TO_POINTER(i->index)))
			g_ptr_array_insert(m->pending, 0, g_ptr_array_steal_index(links, n));
	}
}

static const struct link *first_link(const struct capture_ifaces *m)
{
	return m->list->len ? ((const struct captured *)m->list->pdata[0])->link : NULL;
}

/* The next of these that is to be captured, owned by the caller; NULL: there is none. */
static struct link *next_pending(struct capture_ifaces *m, struct filter *filter)
{
	while (m->pending->len) {
		struct link *i = g_ptr_array_steal_index(m->pending, 0);

		if (!is_captured(m, i) && !left_out(m->config, first_link(m), filter, i))
			return i;
		if (!is_captured(m, i))
			g_hash_table_add(m->refused, GUINT_TO_POINTER(i->index));
		link_free(i);
	}
	return NULL;
}

/*
 * "any": the interfaces that are up now. Attaching to one takes the kernel an RCU grace period, so that of
 * hundreds most join when the capture already runs. The first one loads the programs that all share, and has as
 * long as it takes. Drops take no grace period, and what is dropped on an interface that had not joined yet would be
 * taken for a packet that has none.
 */
static bool add_all(struct capture_ifaces *m, struct filter *filter, GError **error)
{
	g_autoptr(GPtrArray) links = link_list(error);
	gint64 end = G_MAXINT64;
	struct link *i;

	if (!links)
		return false;
	find_pending(m, links);
	while (g_get_monotonic_time() < end && (i = next_pending(m, filter))) {
		if (!add(m, filter, m->config->direction, i, error))
			return false;
		if (end == G_MAXINT64 && !sees_drops_only(m))
			end = g_get_monotonic_time() + START_US;
	}
	if (m->pending->len)
		g_warning("%u of %u interfaces are captured from the start; the others join in the "
			  "next seconds",
			  m->list->len, m->list->len + m->pending->len);
	return add_none(m, filter, error) && (m->list->len || fail(error, "no interface is up"));
}

/* Notes a name that was asked for, once. */
static bool add_name(struct capture_ifaces *m, const char *name, GError **error)
{
	if (g_ptr_array_find_with_equal_func(m->names, name, g_str_equal, NULL))
		return fail_usage(error, "interface \"%s\" is given twice", name);
	g_ptr_array_add(m->names, g_strdup(name));
	return true;
}

/* An interface that "any" stands for may be named as well, before it or after it. */
static bool add_named(struct capture_ifaces *m, struct filter *filter, const char *name,
		      GError **error)
{
	struct link *i;
	bool is_ok;

	if (g_str_equal(name, LINK_ANY))
		return add_name(m, name, error) && add_all(m, filter, error);
	i = link_find(name, error);
	if (!i)
		return false;
	is_ok = add_name(m, i->name, error);
	if (is_ok && !is_captured(m, i))
		return add(m, filter, m->config->direction, i, error);
	link_free(i);
	return is_ok;
}

/* A pcap file has one linktype, and a pcapng file one for each interface. */
static bool check_format(const struct capture_ifaces *m, GError **error)
{
	const struct link *first = first_link(m);

	for (guint n = 1; m->config->format == FORMAT_PCAP && n < m->list->len; n++) {
		const struct link *i = ((const struct captured *)m->list->pdata[n])->link;

		if (link_linktype(i) != link_linktype(first))
			return fail_usage(error,
					  "frames of \"%s\" and \"%s\" have different link types; "
					  "use --format pcapng",
					  first->name, i->name);
	}
	return true;
}

bool capture_ifaces_attach(struct capture_ifaces *m, struct filter *filter, struct tap *tap,
			   GError **error)
{
	m->tap = tap;
	m->links_fd = link_watch_open(owners_are_wanted(m->config)); /* before we list the links */
	if (m->config->is_promiscuous)
		m->promisc_fd = promisc_open();
	for (guint n = 0; n < m->config->interfaces->len; n++)
		if (!add_named(m, filter, m->config->interfaces->pdata[n], error))
			return false;
	return check_format(m, error);
}

bool capture_ifaces_describe(struct capture_ifaces *m, const char *os, struct stream *stream,
			     GError **error)
{
	const struct captured_context about = { m->config, os, m->config->filter };

	m->os = g_strdup(os);
	for (guint n = 0; n < m->list->len; n++)
		if (!captured_describe_all(m->list->pdata[n], &about, stream, error))
			return false;
	return true;
}

/* Why the program of a slot is gone. */
static char *explain(const struct capture_ifaces *m, const struct stream *stream, guint slot)
{
	const struct tap_place place = tap_find_place(m->tap, slot);
	const char *device = stream_slot_iface(stream, slot)->device;
	char name[IF_NAMESIZE];

	if (!if_indextoname(place.ifindex, name))
		return g_strdup_printf("interface \"%s\" was deleted", device);
	if (place.point->traces_program)
		return g_strdup_printf("the XDP program traced on \"%s\" was detached", device);
	return g_strdup_printf("another program removed ours from \"%s\" at %s", device,
			       place.point->name);
}

static const struct link *find_link(const GPtrArray *links, unsigned int ifindex)
{
	for (guint n = 0; n < links->len; n++)
		if (((const struct link *)links->pdata[n])->index == ifindex)
			return links->pdata[n];
	return NULL;
}

/* Whether a program captures frames of an interface that is here; links are those in our namespace, or NULL. */
static bool is_in_place(const struct capture_ifaces *m, const GPtrArray *links, guint slot)
{
	return tap_is_attached(m->tap, slot) &&
	       (!links || find_link(links, tap_find_place(m->tap, slot).ifindex));
}

/* Returns how many programs are in place, and in *ret_gone the last one that is not. */
static guint count_left(const struct capture_ifaces *m, const GPtrArray *links, guint *ret_n_gone,
			guint *ret_gone)
{
	guint left = 0;

	*ret_n_gone = 0;
	for (guint slot = 0; slot < tap_slots(m->tap); slot++) {
		if (!tap_find_place(m->tap, slot).ifindex)
			continue; /* closed before */
		if (is_in_place(m, links, slot)) {
			left++;
		} else {
			*ret_gone = slot;
			++*ret_n_gone;
		}
	}
	return left;
}

/* Warns of programs that were lost since the last look. How many are left? */
static guint look(struct capture_ifaces *m, const struct stream *stream, const GPtrArray *links)
{
	guint gone = 0, n_gone, left = count_left(m, links, &n_gone, &gone);

	if (n_gone > m->n_gone) {
		g_free(m->loss);
		m->loss = explain(m, stream, gone);
		g_log(NULL, m->is_any ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_WARNING, "%s, %u left",
		      m->loss, left);
	}
	m->n_gone = n_gone;
	return left;
}

static bool has_program(const struct capture_ifaces *m, unsigned int ifindex)
{
	for (guint slot = 0; slot < tap_slots(m->tap); slot++)
		if (tap_find_place(m->tap, slot).ifindex == ifindex)
			return true;
	return false;
}

/* Closes what is not in place, and forgets interfaces without a program: they may come again. */
static void close_gone(struct capture_ifaces *m, const GPtrArray *links)
{
	for (guint slot = 0; slot < tap_slots(m->tap); slot++)
		if (tap_find_place(m->tap, slot).ifindex && !is_in_place(m, links, slot))
			tap_close(m->tap, slot);
	for (guint n = m->list->len; n-- > 0;)
		if (!has_program(m, ((const struct captured *)m->list->pdata[n])->link->index))
			g_ptr_array_remove_index(m->list, n);
	m->n_gone = 0;
}

/* Moves the programs of an interface to new slots. Returns how many. */
static guint move(struct capture_ifaces *m, struct reconfigure *r, unsigned int ifindex,
		  GError **error)
{
	guint n = 0;

	for (guint slot = 0; slot < r->stream->slots->len; slot++) {
		_cleanup_(filter_unrefp) struct filter *f = NULL;
		int e;

		if (tap_find_place(m->tap, slot).ifindex != ifindex)
			continue;
		f = reconfigure_filter(r, slot, error);
		if (!f)
			break;
		e = tap_move(m->tap, slot, f->insns, f->n, r->generation);
		if (e < 0) {
			fail_errno(error, -e, "cannot exchange the program");
			break;
		}
		n++;
	}
	newcomers_note(&m->newcomers, m->tap);
	return n;
}

/* For what is described from now on. */
static struct captured_context context_of(const struct capture_ifaces *m,
					  const struct reconfigure *r)
{
	return (struct captured_context){ m->config, m->os, r->wanted.filter->expression };
}

/*
 * Frames that come from now on belong to an interface of the new name. A traced program's interfaces keep
 * theirs, which is the program's.
 */
static void rename_one(struct capture_ifaces *m, struct captured *one, const char *name,
		       struct reconfigure *r)
{
	const struct captured_context about = context_of(m, r);
	struct attach_iface *iface = one->ifaces->pdata[0];
	g_autofree char *before = g_strdup(one->link->name);
	guint first = r->stream->slots->len;
	g_autoptr(GError) error = NULL;

	g_strlcpy(one->link->name, name, sizeof(one->link->name));
	if (one->ifaces->len > 1 || iface->name)
		return;
	g_string_append_printf(iface->how, "; its name was \"%s\" before", before);
	iface->n_slots = move(m, r, one->link->index, &error);
	if (iface->n_slots &&
	    captured_describe(one, iface, &about, r->stream, error ? NULL : &error))
		reconfigure_include(r, first);
	if (error)
		g_warning("\"%s\" keeps its old name in the capture: %s", name, error->message);
	else
		g_info("%s: renamed to %s", before, name);
}

static void rename_all(struct capture_ifaces *m, const GPtrArray *links, struct reconfigure *r)
{
	for (guint n = 0; n < m->list->len; n++) {
		struct captured *one = m->list->pdata[n];
		const struct link *i = find_link(links, one->link->index);

		if (i && !g_str_equal(i->name, one->link->name))
			rename_one(m, one, i->name, r);
	}
}

/* Some of its programs may have been attached, and are taken off again; what they captured remains. */
static void give_up(struct capture_ifaces *m, const struct link *i, struct stream *stream)
{
	const struct captured_context about = { m->config, m->os, NULL };
	g_autoptr(GString) how = g_string_new("attaching to the interface failed");
	const struct attach_iface iface = { .how = how,
					    .n_slots = tap_slots(m->tap) - stream->slots->len };
	struct captured one = { .link = (struct link *)i };

	for (guint slot = stream->slots->len; slot < tap_slots(m->tap); slot++)
		tap_close(m->tap, slot);
	if (iface.n_slots)
		(void)captured_describe(&one, &iface, &about, stream, NULL);
	g_hash_table_add(m->refused, GUINT_TO_POINTER(i->index));
}

/* Attaches to an interface, which it owns, in the way that is wanted by now. */
static bool join(struct capture_ifaces *m, struct filter *filter, struct link *i,
		 struct reconfigure *r, GError **error)
{
	const struct captured_context about = context_of(m, r);
	guint first = r->stream->slots->len;

	if (!add(m, filter, r->wanted.direction, i, error) ||
	    !captured_describe_all(m->list->pdata[m->list->len - 1], &about, r->stream, error))
		return false;
	reconfigure_include(r, first);
	return true;
}

static void join_next(struct capture_ifaces *m, struct reconfigure *r)
{
	_cleanup_(filter_unrefp) struct filter *filter = r->wanted.is_paused
								 ? filter_new_reject_all()
								 : filter_ref(r->wanted.filter);
	g_autoptr(GError) error = NULL;
	struct link as_it_was, *i;

	if (!ready_for(&m->ready, filter, m->pending->pdata[0]))
		return;
	i = next_pending(m, filter);
	if (!i)
		return;
	as_it_was = *i;
	as_it_was.alias = NULL;
	if (!join(m, filter, i, r, &error)) {
		g_warning("not capturing on \"%s\": %s", as_it_was.name, error->message);
		give_up(m, &as_it_was, r->stream);
	}
}

static gboolean is_unlisted(void *index, void *unused, void *links)
{
	return !find_link(links, GPOINTER_TO_UINT(index));
}

/* "any": how the list of links differs from what is captured. */
static void compare(struct capture_ifaces *m, GPtrArray *links, struct reconfigure *r)
{
	close_gone(m, links);
	rename_all(m, links, r);
	g_hash_table_foreach_remove(m->refused, is_unlisted, links);
	find_pending(m, links);
}

int capture_ifaces_wait_ms(const struct capture_ifaces *m)
{
	if (ready_is_busy(&m->ready))
		return READY_MS;
	if (m->pending->len || m->has_changed)
		return 0;
	return tap_asks_netlink(m->tap) || privileges_can_ask() ? LOOK_MS : -1;
}

bool capture_ifaces_follow(struct capture_ifaces *m, struct stream *stream,
			   struct reconfigure *reconfigure)
{
	g_autoptr(GPtrArray) links = NULL;
	unsigned int changes = link_watch_read(m->links_fd);
	bool is_in_use = true;

	if (changes & LINK_WATCH_ADDRESSES)
		(void)tap_read_addresses(m->tap); /* without them, less is known */
	/* Each attached program changes a link: what else has changed is seen when all have joined. */
	m->has_changed |= changes & LINK_WATCH_LINKS || tap_asks_netlink(m->tap);
	if (m->has_changed && !m->pending->len) {
		m->has_changed = false;
		links = m->is_any ? link_list(NULL) : NULL;
		is_in_use = look(m, stream, links) || m->is_any;
	}
	privileges_raise();
	if (links)
		compare(m, links, reconfigure);
	if (m->pending->len)
		join_next(m, reconfigure);
	else if (privileges_can_ask())
		newcomers_look(&m->newcomers, m->tap, stream);
	privileges_lower();
	return is_in_use;
}
