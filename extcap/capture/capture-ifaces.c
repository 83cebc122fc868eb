/* SPDX-License-Identifier: MIT */
/* From the names on the command line to attached programs. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "extcap/net/ethtool.h"
#include "extcap/capture/attach.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/capture/capture-ifaces.h"
#include "extcap/net/link-watch.h"
#include "extcap/net/promisc.h"

struct captured {
	struct link *link;
	char *driver;
	uint64_t speed_bps;
	GPtrArray *ifaces; /* of struct attach_iface */
};

static void captured_free(void *p)
{
	struct captured *m = p;

	link_free(m->link);
	g_free(m->driver);
	g_clear_pointer(&m->ifaces, g_ptr_array_unref);
	g_free(m);
}

void capture_ifaces_init(struct capture_ifaces *m, const struct config *config)
{
	*m = (struct capture_ifaces){
		.config = config,
		.list = g_ptr_array_new_with_free_func(captured_free),
		.links_fd = -1,
		.names = g_ptr_array_new_with_free_func(g_free),
		.promisc_fd = -1,
	};
}

void capture_ifaces_release(struct capture_ifaces *m)
{
	close_fdp(&m->links_fd);
	close_fdp(&m->promisc_fd);
}

void capture_ifaces_done(struct capture_ifaces *m)
{
	capture_ifaces_release(m);
	g_clear_pointer(&m->loss, g_free);
	g_clear_pointer(&m->list, g_ptr_array_unref);
	g_clear_pointer(&m->names, g_ptr_array_unref);
}

static bool is_captured(const struct capture_ifaces *m, const struct link *i)
{
	for (guint n = 0; n < m->list->len; n++)
		if (((const struct captured *)m->list->pdata[n])->link->index == i->index)
			return true;
	return false;
}

/* Without it only frames addressed to this machine arrive, which is no reason not to capture. */
static void make_promiscuous(struct capture_ifaces *m, unsigned int ifindex)
{
	if (m->promisc_fd < 0)
		m->promisc_fd = promisc_open();
	if (m->promisc_fd < 0 || !promisc_add(m->promisc_fd, ifindex))
		g_warning("cannot enable promiscuous mode: %s", g_strerror(errno));
}

/* Only drops: promiscuous mode would cause some. */
static bool sees_drops_only(const struct capture_ifaces *m)
{
	return point_choose(options_point(m->config), false)->sees_drops;
}

/* Takes ownership of the interface. */
static bool add(struct capture_ifaces *m, struct filter *filter, struct link *i, GError **error)
{
	struct captured *new = g_new0(struct captured, 1);

	new->link = i;
	new->driver = ethtool_driver(i);
	new->speed_bps = ethtool_speed_bps(i);
	g_ptr_array_add(m->list, new);
	new->ifaces = attach(m->tap, m->config, filter, i, error);
	if (new->ifaces && m->config->is_promiscuous && i->type != ARPHRD_LOOPBACK &&
	    !link_is_headerless(i) && !sees_drops_only(m))
		make_promiscuous(m, i->index);
	return new->ifaces;
}

/*
 * Whether "any" leaves out an interface that is up: options for XDP programs, or a filter on Ethernet
 * headers, say nothing about frames that have none.
 */
static bool is_left_out(const struct capture_ifaces *m, struct filter *filter, const struct link *i)
{
	g_autoptr(GError) why = NULL;
	_cleanup_(filter_unrefp) struct filter *own = NULL;

	if (link_linktype(i) < 0)
		return true;
	if (link_is_headerless(i) && attach_needs_xdp(m->config)) {
		g_warning("not capturing on \"%s\": its frames have no Ethernet header", i->name);
		return true;
	}
	own = filter_for(filter, link_linktype(i), i->index, &why);
	if (!own)
		g_warning("not capturing on \"%s\": %s", i->name, why->message);
	return !own;
}

/* Packets without an interface, and those of interfaces that we do not know. */
static bool add_none(struct capture_ifaces *m, struct filter *filter, GError **error)
{
	return !sees_drops_only(m) || add(m, filter, link_new_none(), error);
}

/*
 * "any": the interfaces that are up now, each an interface of its own in the file; for drops, also those
 * that are down.
 */
static bool add_all(struct capture_ifaces *m, struct filter *filter, GError **error)
{
	g_autoptr(GPtrArray) list = link_list(error);

	while (list && list->len) {
		struct link *i = g_ptr_array_steal_index(list, 0);

		if ((!i->is_up && !sees_drops_only(m)) || is_captured(m, i) ||
		    is_left_out(m, filter, i))
			link_free(i);
		else if (!add(m, filter, i, error))
			return false;
	}
	if (!list || !add_none(m, filter, error))
		return false;
	return m->list->len || fail(error, "no interface is up");
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
		return add(m, filter, i, error);
	link_free(i);
	return is_ok;
}

/* A pcap file has one linktype, and a pcapng file one for each interface. */
static bool check_format(const struct capture_ifaces *m, GError **error)
{
	const struct captured *first = m->list->pdata[0];

	for (guint n = 1; m->config->format == FORMAT_PCAP && n < m->list->len; n++) {
		const struct captured *one = m->list->pdata[n];

		if (link_linktype(one->link) != link_linktype(first->link))
			return fail_usage(error,
					  "frames of \"%s\" and \"%s\" have different link types; "
					  "use --format pcapng",
					  first->link->name, one->link->name);
	}
	return true;
}

bool capture_ifaces_attach(struct capture_ifaces *m, struct filter *filter, struct tap *tap,
			   GError **error)
{
	m->tap = tap;
	m->links_fd = link_watch_open(); /* before we list the links */
	for (guint n = 0; n < m->config->interfaces->len; n++)
		if (!add_named(m, filter, m->config->interfaces->pdata[n], error))
			return false;
	return check_format(m, error);
}

static bool describe(const struct capture_ifaces *m, const struct captured *one, const char *os,
		     struct stream *stream, GError **error)
{
	for (guint n = 0; n < one->ifaces->len; n++) {
		const struct attach_iface *iface = one->ifaces->pdata[n];
		const struct stream_description description = {
			.iface = one->link,
			.driver = one->driver,
			.os = os,
			.speed_bps = one->speed_bps,
			.name = iface->name,
			.snaplen = (uint32_t)m->config->snaplen,
			.filter = m->config->filter,
			.comment = iface->how->str,
			.linktype = iface->linktype,
			.n_slots = iface->n_slots,
		};

		if (!stream_add(stream, &description, error))
			return false;
	}
	return true;
}

bool capture_ifaces_describe(const struct capture_ifaces *m, const char *os, struct stream *stream,
			     GError **error)
{
	for (guint n = 0; n < m->list->len; n++)
		if (!describe(m, m->list->pdata[n], os, stream, error))
			return false;
	return true;
}

/* Why the program of a slot is gone. */
static char *explain(const struct capture_ifaces *m, const struct stream *stream, guint slot)
{
	const struct tap_place place = tap_find_place(m->tap, slot);
	const char *device = stream_slot_name(stream, slot);
	char name[IF_NAMESIZE];

	if (!if_indextoname(place.ifindex, name))
		return g_strdup_printf("interface \"%s\" was deleted", device);
	if (place.point->traces_program)
		return g_strdup_printf("the XDP program traced on \"%s\" was detached", device);
	return g_strdup_printf("another program removed ours from \"%s\" at %s", device,
			       place.point->name);
}

/* How many programs of the tap are still attached. */
static guint look(struct capture_ifaces *m, const struct stream *stream)
{
	const guint n = stream->slots->len;
	guint left = 0, gone = 0;

	for (guint slot = 0; slot < n; slot++) {
		if (tap_is_attached(m->tap, slot))
			left++;
		else
			gone = slot;
	}
	if (n - left > m->n_gone) {
		g_free(m->loss);
		m->loss = explain(m, stream, gone);
		g_warning("%s, %u left", m->loss, left);
	}
	m->n_gone = n - left;
	return left;
}

bool capture_ifaces_follow(struct capture_ifaces *m, const struct stream *stream)
{
	return (!link_watch_read(m->links_fd) && !tap_asks_netlink(m->tap)) || look(m, stream) > 0;
}
