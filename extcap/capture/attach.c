/* SPDX-License-Identifier: MIT */
/* Which points capture which frames of an interface, and in which mode. */
#include <errno.h>
#include <net/if_arp.h>

#include "bpf/device/device.h"
#include "bpf/device/driver.h"
#include "extcap/capture/attach.h"
#include "extcap/capture/ifaces/refusal.h"
#include "extcap/drops/choice.h"
#include "extcap/drops/symbols.h"
#include "extcap/net/nic/phc.h"
#include "extcap/net/nic/restore.h"
#include "extcap/net/xdp-programs.h"
#include "extcap/process/chosen.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/capture/ifaces/trace.h"

bool attach_is_any(const struct config *config)
{
	return g_ptr_array_find_with_equal_func(config->interfaces, LINK_ANY, g_str_equal, NULL);
}

static const char *mode_text(enum tap_mode mode)
{
	if (mode == TAP_MODE_AUTO)
		return "";
	return mode == TAP_MODE_GENERIC
		       ? ", generic mode (without VLAN tags that were stripped before; "
			 "--point tc has them)"
		       : ", native mode";
}

static void attach_iface_free(void *p)
{
	struct attach_iface *iface = p;

	g_free(iface->name);
	g_string_free(iface->how, true);
	g_free(iface);
}

struct attach_iface *attach_iface_add(GPtrArray *ifaces)
{
	struct attach_iface *iface = g_new0(struct attach_iface, 1);

	iface->how = g_string_new(NULL);
	g_ptr_array_add(ifaces, iface);
	return iface;
}

/* The interface of its own name in the file, which has both directions. */
static struct attach_iface *own_iface(GPtrArray *ifaces)
{
	struct attach_iface *last = ifaces->len ? ifaces->pdata[ifaces->len - 1] : NULL;

	return last && !last->name ? last : attach_iface_add(ifaces);
}

static struct tap_target target_of(const struct config *config, const struct link *i,
				   const struct filter *filter, const struct point *point)
{
	return (struct tap_target){
		.ifindex = i->index,
		.point = point,
		.mode = (enum tap_mode)config->mode,
		.snaplen = (uint32_t)config->snaplen,
		.filter = filter->insns,
		.n_filter = filter->n,
		.begin = device_begin(link_linktype(i)),
		.hardware = (uint16_t)i->type,
		.has_ids = config->has_drops &&
			   (point == &point_tc_ingress || point == &point_drop),
	};
}

/* In one line each: whoever keeps frames from the program, and whoever changes what it has captured. */
static void tell_neighbours(const struct tap *tap, const char *name)
{
	const struct tap_place place = tap_find_place(tap, TAP_LAST);
	const struct point *point = place.point;
	struct point_neighbour other;

	if (!point->find_neighbour || !place.link)
		return;
	if (point->find_neighbour(place.link, POINT_BEFORE, &other))
		g_warning("%s meets %s frames on \"%s\" first: those that it accepts, drops or "
			  "redirects are not captured",
			  other.what, point->is_egress ? "sent" : "received", name);
	if (point->find_neighbour(place.link, POINT_AFTER, &other))
		g_warning(
			"%s comes after the capture on \"%s\": sent frames that it drops, delays, "
			"redirects or changes are captured as they were before",
			other.what, name);
}

/* Attaches one program and describes it in the interface's comment. 0 or -errno. */
static int attach_at(struct tap *tap, const struct link *i, const struct tap_target *target,
		     GPtrArray *ifaces)
{
	const struct point *point = target->point;
	struct attach_iface *iface;
	enum tap_mode mode;
	int r = tap_attach(tap, target, &mode);

	if (r < 0)
		return r;
	tell_neighbours(tap, i->name);
	iface = own_iface(ifaces);
	iface->n_slots++;
	g_string_append_printf(iface->how, "%s%s frames at %s%s%s", iface->how->len ? "; " : "",
			       point->is_egress ? "sent" : "received", point->name, mode_text(mode),
			       target->has_nic_clock ? ", time stamps of the NIC" : "");
	return 0;
}

/* The same, for one that may turn off what devices merge: that is turned on again at the end. */
static int attach_xdp(struct tap *tap, const struct link *i, const struct tap_target *target,
		      GPtrArray *ifaces)
{
	g_autoptr(GArray) before = target->point->has_modes ? restore_note(i) : NULL;
	int r = attach_at(tap, i, target, ifaces);

	if (r == 0 && before)
		restore_later(before);
	return r;
}

/* In generic mode, a filter for VLAN tags may accept nothing. */
static void tell_tags(const struct config *config, const struct link *i,
		      const struct tap_target *target)
{
	const struct device device = link_device(i);
	struct driver d;

	if (!target->point->has_modes || target->mode != TAP_MODE_GENERIC || !config->filter ||
	    !g_regex_match_simple("\\bvlan\\b", config->filter, 0, 0))
		return;
	driver_read(&device, &d);
	if (d.hides_tags)
		g_warning("VLAN tags of frames received on \"%s\" are stripped before they get to "
			  "XDP in generic mode; use --point tc",
			  i->name);
}

/* Whether a program of this tap is at XDP there. */
static bool has_xdp(const struct tap *tap, unsigned int ifindex)
{
	for (uint32_t slot = 0; ifindex && slot < tap_slots(tap); slot++) {
		const struct tap_place place = tap_find_place(tap, slot);

		if (place.ifindex == ifindex && place.point == &point_xdp)
			return true;
	}
	return false;
}

/* The XDP hook is in use, and --point is auto. */
static int attach_after(struct tap *tap, const struct config *config, const struct link *i,
			const struct filter *filter, GPtrArray *ifaces)
{
	const struct tap_target target = target_of(config, i, filter, &point_tc_ingress);
	struct xdp_obstacle which;
	g_autofree char *obstacle = refusal_find_obstacle(i, &which);
	g_autoptr(GError) why = NULL;

	if (!obstacle && chosen_is_any(config)) {
		g_warning(
			"\"%s\" has an XDP program, and traced frames do not tell their process: "
			"capturing received frames at tc, without those that it drops or redirects",
			i->name);
		return attach_at(tap, i, &target, ifaces);
	}
	if (obstacle) {
		bool is_harmless = which.is_taps || has_xdp(tap, which.ifindex);

		g_log(NULL, is_harmless ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_WARNING,
		      "%s, so \"%s\" can have none: capturing received frames at tc%s", obstacle,
		      i->name,
		      is_harmless || which.is_later ? ""
						    : ", without those that it drops or redirects");
		return attach_at(tap, i, &target, ifaces);
	}
	if (trace_attach(tap, config, i, filter, ifaces, &why)) {
		g_warning("\"%s\" has an XDP program: tracing it", i->name);
		return 0;
	}
	g_info("%s", why->message);
	g_warning("\"%s\" has an XDP program that cannot be traced: capturing received frames "
		  "at tc, without those that it drops or redirects",
		  i->name);
	return attach_at(tap, i, &target, ifaces);
}

/* Whether somebody's program keeps ours off, or meets the frames first. */
static bool is_occupied(const struct link *i)
{
	struct xdp_obstacle unused;
	g_autofree char *obstacle = i->xdp_id ? NULL : xdp_programs_in_the_way(i, &unused);

	return i->xdp_id || obstacle;
}

static void tell_cost(const struct link *i, const struct driver *d, const char *where)
{
	g_warning("capturing received frames on \"%s\" %s, as its driver %s %s; --mode native "
		  "accepts that, sees frames before GRO merges them, and needs less CPU time",
		  i->name, where, d->name, d->cost);
}

/* Not in native mode: at tc, unless generic mode is as good, or it was asked for. 0 or -errno. */
static int attach_later(struct tap *tap, const struct config *config, const struct link *i,
			struct tap_target *target, const struct driver *d, GPtrArray *ifaces)
{
	if (is_occupied(i))
		return -EBUSY;
	driver_avoid_native(d, !options_point(config), target);
	if (d->cost)
		tell_cost(i, d, target->point->has_modes ? "in generic mode" : "at tc");
	return attach_xdp(tap, i, target, ifaces);
}

/* --mode auto: in native mode if that leaves the device's traffic alone. 0 or -errno. */
static int attach_unnoticed(struct tap *tap, const struct config *config, const struct link *i,
			    struct tap_target *target, GPtrArray *ifaces)
{
	const struct device device = link_device(i);
	struct driver d;
	int r = -EOPNOTSUPP;

	driver_read(&device, &d);
	if (driver_allows_native(&d)) {
		target->mode = TAP_MODE_NATIVE;
		r = attach_at(tap, i, target, ifaces);
	}
	return driver_may_try_again(r) ? attach_later(tap, config, i, target, &d, ifaces) : r;
}

/* Attaches with the NIC's time stamps, or not at all. */
static bool attach_stamped(struct tap *tap, const struct config *config, const struct link *i,
			   struct tap_target *target, GPtrArray *ifaces, GError **error)
{
	_cleanup_(close_fdp) int fd = -1;
	int r;

	if (!target->point->has_nic_clock || trace_is_needed(config) ||
	    config->mode == TAP_MODE_GENERIC)
		return fail_usage(error, "--time-stamp-type adapter requires --point xdp in native "
					 "mode");
	fd = phc_open(i, error);
	if (fd < 0)
		return false;
	target->has_nic_clock = true;
	target->phc_fd = fd;
	r = attach_xdp(tap, i, target, ifaces);
	return r == 0 || refusal_explain(config, i, target->point, r, error);
}

static bool attach_received(struct tap *tap, const struct config *config, const struct link *i,
			    const struct filter *filter, GPtrArray *ifaces, GError **error)
{
	const char *choice = options_point(config);
	struct tap_target target = target_of(config, i, filter, point_choose(choice, false));
	int r;

	if (link_is_headerless(i))
		target.point = &point_tc_ingress;
	if (config->time_stamp_type == TIME_STAMP_ADAPTER)
		return attach_stamped(tap, config, i, &target, ifaces, error);
	if (trace_is_needed(config))
		return trace_attach(tap, config, i, filter, ifaces, error);
	if (target.point->has_modes && config->mode == TAP_MODE_AUTO)
		r = attach_unnoticed(tap, config, i, &target, ifaces);
	else
		r = attach_xdp(tap, i, &target, ifaces);
	if (r == 0)
		tell_tags(config, i, &target);
	if (r == -EBUSY && !choice)
		r = attach_after(tap, config, i, filter, ifaces);
	return r == 0 || refusal_explain(config, i, target.point, r, error);
}

/* Sent frames have no verdict, and the loopback device and CAN devices receive what they send. */
static bool wants_sent(const struct config *config, const struct link *i)
{
	if (config->direction == DIRECTION_BOTH)
		return !config->verdicts && i->type != ARPHRD_LOOPBACK && i->type != ARPHRD_CAN;
	return config->direction == DIRECTION_OUT;
}

static bool attach_all(struct tap *tap, const struct config *config, const struct filter *filter,
		       const struct link *i, GPtrArray *ifaces, GError **error)
{
	struct tap_target target;
	int r = 0;

	if (config->direction != DIRECTION_OUT &&
	    !attach_received(tap, config, i, filter, ifaces, error))
		return false;
	target = target_of(config, i, filter, point_choose(options_point(config), true));
	if (wants_sent(config, i))
		r = attach_at(tap, i, &target, ifaces);
	return r == 0 || refusal_explain(config, i, target.point, r, error);
}

bool attach_needs_xdp(const struct config *config)
{
	const char *choice = options_point(config);

	return (choice && !g_str_equal(choice, point_tc_ingress.choice) &&
		!g_str_equal(choice, point_drop.choice)) ||
	       trace_is_needed(config) || config->mode != TAP_MODE_AUTO ||
	       config->time_stamp_type == TIME_STAMP_ADAPTER;
}

/*
 * Attaches for what begins with its link-layer header, or for what has none. "kind" sets its interface in the
 * file apart from the device's own; NULL: it is that one. 0 or -errno.
 */
static int attach_drops_at(struct tap *tap, const struct tap_target *target, const struct link *i,
			   const char *kind, GPtrArray *ifaces)
{
	enum tap_mode mode;
	int r = tap_attach(tap, target, &mode);
	struct attach_iface *iface;

	if (r < 0)
		return r;
	iface = attach_iface_add(ifaces);
	iface->n_slots = 1;
	g_string_assign(iface->how, "packets that the kernel dropped");
	if (kind)
		iface->name = g_strconcat(i->name, ":", kind, NULL);
	if (target->begin == TAP_NETWORK && link_linktype(i) != LINK_LINKTYPE_RAW) {
		iface->linktype = LINK_LINKTYPE_RAW;
		g_string_append(iface->how, ", without their link-layer header");
	}
	return 0;
}

/*
 * Two interfaces in the file: a packet that has not got its link-layer header yet, or not a new one, when
 * it is dropped, begins at its network header.
 */
static int attach_drops(struct tap *tap, const struct config *config, struct filter *filter,
			const struct link *i, const struct point_drop *drop, GPtrArray *ifaces)
{
	/* A filter on Ethernet headers accepts nothing that has none. */
	_cleanup_(filter_unrefp) struct filter *raw = filter_for_any(filter, LINK_LINKTYPE_RAW,
								     i->index);
	struct tap_target target = target_of(config, i, filter, &point_drop);
	const char *own = config->has_drops ? "drop" : NULL;
	int r = 0;

	target.drop = *drop;
	if (target.begin == TAP_ETHERNET)
		r = attach_drops_at(tap, &target, i, own, ifaces);
	if (r < 0)
		return r;
	target.filter = raw->insns;
	target.n_filter = raw->n;
	target.begin = TAP_NETWORK;
	return attach_drops_at(tap, &target, i, link_is_headerless(i) ? own : "ip", ifaces);
}

/* Attaches for the drops of an interface; index 0 stands for packets without one. */
static bool attach_dropped(struct tap *tap, const struct config *config, struct filter *filter,
			   const struct link *i, GPtrArray *ifaces, GError **error)
{
	_cleanup_(choice_done) struct choice_of_reasons choice = { 0 };
	struct point_drop drop;
	int r;

	if (!choice_read(&choice, config, error))
		return false;
	symbols_load();
	drop = choice_target(&choice);
	r = attach_drops(tap, config, filter, i, &drop, ifaces);
	return r == 0 || refusal_explain(config, i, &point_drop, r, error);
}

static bool wants_frames(const struct config *config)
{
	return !point_choose(options_point(config), false)->sees_drops;
}

static bool explain_vrf(const struct link *vrf, GError **error)
{
	g_autoptr(GPtrArray) list = link_list(NULL);
	const struct link *port = NULL;

	for (guint n = 0; list && !port && n < list->len; n++)
		if (((const struct link *)list->pdata[n])->master == vrf->index)
			port = list->pdata[n];
	return fail(error,
		    "frames of the VRF \"%s\" pass neither XDP nor tc there; capture on the "
		    "interfaces that belong to it%s%s%s",
		    vrf->name, port ? ", such as \"" : "", port ? port->name : "",
		    port ? "\"" : "");
}

/* Whether frames of this interface can be captured in the configured way. */
static bool check_link(const struct config *config, const struct link *i, GError **error)
{
	if (link_is_vrf(i))
		return explain_vrf(i, error);
	if (link_linktype(i) < 0)
		return fail(error,
			    "cannot capture on \"%s\": xdptap does not know the frames of such a "
			    "device (ARPHRD %u); use tcpdump",
			    i->name, i->type);
	if (config->linktype && !filter_is_dlt(config->linktype, link_linktype(i)))
		return fail_usage(error,
				  "frames on \"%s\" do not have the link type \"%s\"; -L lists "
				  "which one they have",
				  i->name, config->linktype);
	if (link_is_headerless(i) && attach_needs_xdp(config))
		return fail(error,
			    "frames on \"%s\" have no Ethernet header, which XDP programs need; "
			    "use --point tc, without --mode and -j adapter",
			    i->name);
	return true;
}

GPtrArray *attach(struct tap *tap, const struct config *config, struct filter *filter,
		  const struct link *i, GError **error)
{
	g_autoptr(GPtrArray) ifaces = g_ptr_array_new_with_free_func(attach_iface_free);
	_cleanup_(filter_unrefp) struct filter *own = NULL;

	if (!trace_check(config, error) || !check_link(config, i, error))
		return NULL;
	own = i->index ? filter_for(filter, link_linktype(i), i->index, error)
		       : filter_for_any(filter, link_linktype(i), i->index);
	if (!own || (wants_frames(config) && !attach_all(tap, config, own, i, ifaces, error)))
		return NULL;
	if ((config->has_drops || !wants_frames(config)) &&
	    !attach_dropped(tap, config, own, i, ifaces, error))
		return NULL;
	for (guint n = 0; n < ifaces->len; n++)
		g_info("%s: %s", i->name,
		       ((const struct attach_iface *)ifaces->pdata[n])->how->str);
	return g_steal_pointer(&ifaces);
}
