/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "extcap/capture/ifaces/refusal.h"
#include "extcap/capture/attach.h"
#include "extcap/system/error.h"
#include "extcap/system/privileges.h"
#include "extcap/system/setup.h"

/* Whether it has no program itself, so that it is another device's that keeps ours off. */
static bool is_without_program(const struct link *i)
{
	struct tap_program p = { 0 };

	return tap_find_program(i->index, &p) == 0 && !p.id;
}

char *refusal_find_obstacle(const struct link *i, struct xdp_obstacle *ret)
{
	char *text;

	*ret = (struct xdp_obstacle){ 0 };
	if (!is_without_program(i))
		return NULL;
	text = xdp_programs_in_the_way(i, ret);
	return text ? text : g_strdup("a device in another network namespace has an XDP program");
}

/* A bond answers EOPNOTSUPP where a port has a program. */
static bool explain_no_native(const struct link *i, int err, GError **error)
{
	struct xdp_obstacle which;
	g_autofree char *obstacle = is_without_program(i) ? xdp_programs_in_the_way(i, &which)
							  : NULL;

	if (obstacle)
		return fail(error,
			    "%s, so \"%s\" can have none in native mode; detach it, or use "
			    "--mode auto",
			    obstacle, i->name);
	return fail_errno(
		error, -err,
		"the driver of \"%s\" does not support this XDP program in native mode; use "
		"--mode auto",
		i->name);
}

static bool explain_busy(const struct link *i, GError **error)
{
	struct xdp_obstacle which;
	g_autofree char *obstacle = refusal_find_obstacle(i, &which);
	struct tap_program p = { 0 };

	if (obstacle)
		return fail(error, "%s, so \"%s\" can have none; detach it, or use --point auto",
			    obstacle, i->name);
	if (tap_find_program(i->index, &p) < 0)
		return fail(error, "another XDP program is attached to \"%s\"", i->name);
	return fail(error,
		    "XDP program %u \"%s\" (%s mode) is attached to \"%s\"; detach it, or use "
		    "--point auto",
		    p.id, p.name, p.mode == TAP_MODE_GENERIC ? "generic" : "native", i->name);
}

bool refusal_explain(const struct config *config, const struct link *i, const struct point *point,
		     int err, GError **error)
{
	g_autofree char *missing = privileges_missing();

	if (err == -EACCES && missing) /* the verifier's error for what requires CAP_PERFMON */
		err = -EPERM;
	switch (err) {
	case -EPERM: return setup_explain(error);
	case -EBUSY: return explain_busy(i, error);
	case -EMFILE:
		return fail(error,
			    "too many open files: each interface requires two; raise the limit "
			    "(ulimit -n) or capture on fewer interfaces");
	case -ENOSPC:
		return fail(
			error,
			"no room for the counters of \"%s\": a capture follows at most twice as "
			"many interfaces as there were at its start, or 2048; start it again",
			i->name);
	case -ENODEV: return fail(error, "interface \"%s\" has disappeared", i->name);
	case -E2BIG:
		return fail(error, "the capture filter is too large for this kernel; shorten it");
	case -ENOSYS:
		return fail(error, "this kernel is too old: Linux 5.18 or newer is needed; use "
				   "--point tc");
	}
	if (point->has_nic_clock && config->time_stamp_type == TIME_STAMP_ADAPTER)
		return fail_errno(
			error, -err,
			"the driver of \"%s\" does not pass time stamps to XDP programs, or Linux is "
			"older than 6.3; use --time-stamp-type host",
			i->name);
	if (err == -EOPNOTSUPP && point->is_egress && !link_is_headerless(i))
		return fail(
			error,
			"\"%s\" has the qdisc \"ingress\", where this kernel runs no program for "
			"sent frames; replace it with \"clsact\", or use -Q in",
			i->name);
	if (point->has_modes && config->mode == TAP_MODE_NATIVE)
		return explain_no_native(i, err, error);
	return fail_errno(error, -err, "cannot attach the %s program to \"%s\"", point->name,
			  i->name);
}
