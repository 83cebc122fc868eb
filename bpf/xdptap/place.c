/* SPDX-License-Identifier: MIT */
/*
 * What the program decides from its options is decided here from struct xdptap_target: which point, how the
 * frames of the device begin, and what to do if the XDP hook is in use.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/device/driver.h"
#include "bpf/xdptap/place.h"
#include "bpf/xdptap/refusal.h"
#include "bpf/xdptap/sized.h"

#define FLAGS	   (XDPTAP_PROMISCUOUS | XDPTAP_NIC_TIME)
#define FILTER_MAX 65536 /* instructions; more cannot be translated */

SIZED_ENDS_WITH(xdptap_target, verdicts);
_Static_assert((int)XDPTAP_MODE_NATIVE == TAP_MODE_NATIVE &&
		       (int)XDPTAP_MODE_GENERIC == TAP_MODE_GENERIC,
	       "the two enums differ");
_Static_assert((int)XDPTAP_ENTRY == POINT_AT_ENTRY && (int)XDPTAP_EXIT == POINT_AT_EXIT &&
		       (int)XDPTAP_BOTH == POINT_AT_BOTH,
	       "the two enums differ");
_Static_assert(XDPTAP_SNAPLEN_MAX == TAP_SNAPLEN_MAX, "the two limits differ");
_Static_assert(sizeof(struct xdptap_insn) == sizeof(struct sock_filter) &&
		       offsetof(struct xdptap_insn, jt) == offsetof(struct sock_filter, jt) &&
		       offsetof(struct xdptap_insn, k) == offsetof(struct sock_filter, k),
	       "the two instructions differ");

static const struct point *const ours[] = {
	[XDPTAP_AUTO] = NULL,
	[XDPTAP_XDP] = &point_xdp,
	[XDPTAP_TRACE] = &point_trace,
	[XDPTAP_TC_INGRESS] = &point_tc_ingress,
	[XDPTAP_TC_EGRESS] = &point_tc_egress,
};
#define POINTS_OF_OURS (sizeof(ours) / sizeof(*ours))

const struct point *place_point(enum xdptap_point point)
{
	return (unsigned int)point < POINTS_OF_OURS ? ours[point] : NULL;
}

enum xdptap_point place_name(const struct point *point)
{
	for (unsigned int i = 0; i < POINTS_OF_OURS; i++)
		if (ours[i] == point)
			return (enum xdptap_point)i;
	return XDPTAP_AUTO;
}

int place_copy_filter(struct journal *j, const struct xdptap_insn *filter, size_t n,
		      struct sock_filter **ret, size_t *ret_culprit)
{
	int r;

	*ret = NULL;
	*ret_culprit = 0;
	if (!filter)
		return n ? journal_fail(j, -EINVAL, "a filter of %zu instructions is NULL", n) : 0;
	if (n == 0 || n > FILTER_MAX)
		return refusal_of_filter(j, n ? -E2BIG : -EINVAL, 0);
	*ret = malloc(n * sizeof(**ret));
	if (!*ret)
		return journal_fail(j, -ENOMEM, "no memory");
	memcpy(*ret, filter, n * sizeof(**ret));
	r = tap_check_filter(*ret, n, ret_culprit);
	if (r == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return refusal_of_filter(j, r, *ret_culprit);
}

/* What makes no sense whatever the interface is. */
static int check(struct journal *j, const struct xdptap_target *t)
{
	if ((unsigned int)t->point >= POINTS_OF_OURS)
		return journal_fail(j, -EINVAL, "there is no point %u", (unsigned int)t->point);
	if ((unsigned int)t->mode > XDPTAP_MODE_GENERIC)
		return journal_fail(j, -EINVAL, "there is no mode %u", (unsigned int)t->mode);
	if (t->snaplen > XDPTAP_SNAPLEN_MAX)
		return journal_fail(j, -EINVAL, "the snaplen is %u, at most %u is possible",
				    t->snaplen, XDPTAP_SNAPLEN_MAX);
	if (t->flags & ~FLAGS)
		return journal_fail(j, -EINVAL, "unknown flags 0x%x", t->flags & ~FLAGS);
	if ((unsigned int)t->side > XDPTAP_BOTH || (unsigned int)t->judges > XDPTAP_EXIT)
		return journal_fail(j, -EINVAL, "there is no such side of a program");
	if (t->point != XDPTAP_TRACE && (t->program_id || t->side || t->judges || t->verdicts))
		return journal_fail(j, -EINVAL, "only XDPTAP_TRACE has a program and its sides");
	if (t->mode && t->point != XDPTAP_AUTO && t->point != XDPTAP_XDP)
		return journal_fail(j, -EINVAL, "only XDPTAP_XDP has modes");
	if ((t->flags & XDPTAP_NIC_TIME) && t->point != XDPTAP_XDP)
		return journal_fail(j, -EINVAL, "only XDPTAP_XDP has time stamps of the NIC");
	return 0;
}

static int check_device(struct place *p, struct journal *j)
{
	const struct device *d = &p->device;
	int linktype = device_linktype(d->type);

	if (d->is_vrf || linktype < 0)
		return refusal_of_type(j, d);
	p->linktype = (uint32_t)linktype;
	if (linktype != DEVICE_ETHERNET &&
	    (p->wanted.point == XDPTAP_XDP || p->wanted.point == XDPTAP_TRACE || p->wanted.mode))
		return journal_fail(
			j, -EOPNOTSUPP,
			"frames of \"%s\" have no Ethernet header, which XDP programs need",
			d->name);
	return 0;
}

static void translate(struct place *p)
{
	const struct xdptap_target *w = &p->wanted;

	p->target = (struct tap_target){
		.ifindex = p->device.index,
		.mode = (enum tap_mode)w->mode,
		.snaplen = w->snaplen ? w->snaplen : XDPTAP_SNAPLEN_MAX,
		.filter = p->filter,
		.n_filter = w->n_filter,
		.has_nic_clock = w->flags & XDPTAP_NIC_TIME,
		.phc_fd = w->phc_fd,
		.begin = device_begin((int)p->linktype),
		.hardware = (uint16_t)p->device.type,
		.trace = { .at = (enum point_at)w->side,
			   .filter_at = (enum point_at)w->judges,
			   .verdicts = w->verdicts ? w->verdicts : UINT32_MAX },
	};
}

int place_init(struct place *p, struct journal *j, const struct xdptap_target *target)
{
	size_t culprit;
	int r;

	*p = (struct place){ 0 };
	r = sized_read(&p->wanted, sizeof(p->wanted), target);
	if (r < 0)
		return refusal_of_struct(j, r, "xdptap_target");
	r = check(j, &p->wanted);
	if (r < 0)
		return r;
	r = device_find(p->wanted.interface, p->wanted.ifindex, &p->device);
	if (r < 0)
		return refusal_of_device(j, r, p->wanted.interface, p->wanted.ifindex);
	r = check_device(p, j);
	if (r == 0)
		r = place_copy_filter(j, p->wanted.filter, p->wanted.n_filter, &p->filter,
				      &culprit);
	if (r == 0)
		translate(p);
	return r;
}

void place_done(struct place *p)
{
	free(p->filter);
	p->filter = NULL;
}

/* The program to trace. */
static int choose_program(struct place *p)
{
	struct tap_program list[PROGRAM_LIST] = { { 0 } };
	int n = program_list(p->device.index, list, PROGRAM_LIST);

	for (int i = 0; i < n; i++)
		if (!p->wanted.program_id || list[i].id == p->wanted.program_id) {
			p->target.trace.program_id = list[i].id;
			p->target.trace.is_bond = p->device.is_bond &&
						  list[i].mode == TAP_MODE_NATIVE;
			return 0;
		}
	return n < 0 ? n : -ENOENT;
}

static int attach_at(struct place *p, struct tap *tap, const struct point *point)
{
	int r = point->traces_program ? choose_program(p) : 0;

	p->target.point = point;
	return r < 0 ? r : tap_attach(tap, &p->target, &p->mode);
}

/* The XDP hook is in use. */
static int attach_after(struct place *p, struct journal *j, struct tap *tap)
{
	char text[160];
	int r;

	if (!refusal_find_obstacle(&p->device, text, sizeof(text))) {
		journal_say(j,
			    "another device's XDP program keeps ours off \"%s\": capturing at tc",
			    p->device.name);
		return attach_at(p, tap, &point_tc_ingress);
	}
	r = attach_at(p, tap, &point_trace);
	if (r == 0)
		journal_say(j, "%s: tracing it", text);
	else
		journal_say(
			j,
			"%s and cannot be traced (%s): capturing at tc, without the frames that it "
			"drops or redirects",
			text, strerror(-r));
	return r == 0 ? 0 : attach_at(p, tap, &point_tc_ingress);
}

/* Whoever keeps frames from the program, and whoever changes what it has captured. */
static void tell_neighbours(const struct place *p, struct journal *j, const struct tap *tap)
{
	const struct tap_place at = tap_find_place(tap, TAP_LAST);
	struct point_neighbour other;

	if (!at.point->find_neighbour || !at.link)
		return;
	if (at.point->find_neighbour(at.link, POINT_BEFORE, &other))
		journal_say(
			j,
			"%s meets frames on \"%s\" first: those that it accepts, drops or redirects "
			"are not captured",
			other.what, p->device.name);
	if (at.point->find_neighbour(at.link, POINT_AFTER, &other))
		journal_say(
			j,
			"%s comes after the capture on \"%s\": sent frames that it drops or changes "
			"are captured as they were before",
			other.what, p->device.name);
}

/* Not in native mode: as driver_avoid_native() says, if nobody's program is there. */
static int attach_later(struct place *p, struct journal *j, struct tap *tap, const struct driver *d)
{
	char unused[160];

	if (refusal_find_obstacle(&p->device, unused, sizeof(unused)))
		return -EBUSY;
	driver_avoid_native(d, p->wanted.point == XDPTAP_AUTO, &p->target);
	if (d->cost)
		journal_say(j,
			    "capturing received frames on \"%s\" %s, as its driver %s %s; "
			    "XDPTAP_MODE_NATIVE accepts that",
			    p->device.name,
			    p->target.point->has_modes ? "in generic mode" : "at tc", d->name,
			    d->cost);
	return attach_at(p, tap, p->target.point);
}

/* XDPTAP_MODE_AUTO: in native mode if that leaves the device's traffic alone. */
static int attach_undisturbed(struct place *p, struct journal *j, struct tap *tap)
{
	struct driver d;
	int r = -EOPNOTSUPP;

	driver_read(&p->device, &d);
	if (driver_allows_native(&d)) {
		p->target.mode = TAP_MODE_NATIVE;
		r = attach_at(p, tap, &point_xdp);
	}
	p->target.point = &point_xdp;
	return driver_may_try_again(r) ? attach_later(p, j, tap, &d) : r;
}

/* The NIC's time stamps require native mode anyway. */
static bool must_not_disturb(const struct place *p, const struct point *point)
{
	return point->has_modes && p->wanted.mode == XDPTAP_MODE_AUTO &&
	       !(p->wanted.flags & XDPTAP_NIC_TIME);
}

int place_attach(struct place *p, struct journal *j, struct tap *tap)
{
	const struct point *point = place_point(p->wanted.point);
	int r;

	if (!point)
		point = p->linktype == DEVICE_ETHERNET ? &point_xdp : &point_tc_ingress;
	r = must_not_disturb(p, point) ? attach_undisturbed(p, j, tap) : attach_at(p, tap, point);
	if (r == -EBUSY && p->wanted.point == XDPTAP_AUTO && p->wanted.mode == XDPTAP_MODE_AUTO)
		r = attach_after(p, j, tap);
	if (r < 0)
		return refusal_of_attach(j, r, &p->device, p->target.point, &p->wanted);
	tell_neighbours(p, j, tap);
	return 0;
}
