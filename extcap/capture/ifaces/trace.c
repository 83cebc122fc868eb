/* SPDX-License-Identifier: MIT */
/*
 * Only a program that the interface calls can be traced: the attached one, or one that libxdp's
 * dispatcher calls. A tail call jumps past the instruction where the trace hook sits.
 */
#include <errno.h>

#include "extcap/capture/attach.h"
#include "extcap/system/error.h"
#include "extcap/capture/ifaces/trace.h"

#define SENTENCE 120 /* bytes of a list of programs in a message */

static bool is_chosen(const struct config *config)
{
	return point_choose(options_point(config), false)->traces_program;
}

bool trace_is_needed(const struct config *config)
{
	return is_chosen(config) || config->verdicts || config->program;
}

bool trace_check(const struct config *config, GError **error)
{
	const char *choice = options_point(config);

	if (is_chosen(config) && config->direction == DIRECTION_OUT)
		return fail_usage(error,
				  "--point %s captures received frames only; omit --direction",
				  choice);
	if (is_chosen(config) || !choice)
		return true;
	if (config->verdicts)
		return fail_usage(error, "--verdict requires --point trace");
	if (config->program)
		return fail_usage(error, "--program requires --point trace");
	return true;
}

/* Matches an ID or a name; the kernel truncates names to 15 bytes. */
static bool is_called(const struct tap_program *p, const char *name)
{
	g_autofree char *id = g_strdup_printf("%u", p->id);

	return g_str_equal(name, id) || g_str_equal(name, p->name) ||
	       (strlen(name) == 15 && g_str_has_prefix(p->name, name));
}

static char *join(const struct tap_program *list, int n)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (int i = 0; i < n && s->len < SENTENCE; i++)
		g_string_append_printf(s, "%s%u \"%.32s\"", i ? ", " : "", list[i].id,
				       list[i].name);
	return g_string_free(g_steal_pointer(&s), false);
}

static bool choose(const struct config *config, const struct link *i, struct tap_program *ret,
		   GError **error)
{
	struct tap_program list[PROGRAM_LIST];
	int n = program_list(i->index, list, PROGRAM_LIST);
	g_autofree char *names = NULL;

	if (n < 0)
		return fail_errno(error, -n, "cannot query the XDP program on \"%s\"", i->name);
	if (n == 0)
		return fail(error, "no XDP program to trace on \"%s\"; use --point xdp", i->name);
	for (int k = 0; k < n; k++)
		if (!config->program || is_called(&list[k], config->program)) {
			*ret = list[k];
			return true;
		}
	names = join(list, n);
	return fail(
		error,
		"no XDP program \"%.40s\" on \"%s\" can be traced, only %s; to trace a tail call, "
		"trace its caller",
		config->program, i->name, names);
}

static bool explain(const struct link *i, const struct tap_program *p, int err, GError **error)
{
	switch (err) {
	case -EPERM:
		return fail(
			error,
			"tracing the XDP program on \"%s\" requires CAP_SYS_ADMIN; run as root, or use "
			"--point tc",
			i->name);
	case -EOPNOTSUPP:
		return fail(
			error,
			"this kernel refuses to trace XDP programs; use --point tc for the frames "
			"that the one on \"%s\" passes",
			i->name);
	case -ENODATA:
		return fail(error,
			    "XDP program %u \"%.32s\" on \"%s\" has no BTF and cannot be traced; "
			    "compile it with -g, or use --point tc",
			    p->id, p->name, i->name);
	case -E2BIG:
		return fail(error, "the capture filter is too large for this kernel; shorten it");
	case -ENOSYS: return fail(error, "this kernel is too old: Linux 5.18 or newer is needed");
	}
	return fail_errno(
		error, -err,
		"cannot trace XDP program %u \"%.32s\" on \"%s\"; use --point tc for the frames "
		"that it passes",
		p->id, p->name, i->name);
}

static void add_iface(GPtrArray *ifaces, const struct link *i, const struct tap_program *p,
		      const char *side)
{
	struct attach_iface *iface = attach_iface_add(ifaces);

	iface->n_slots = 1;
	iface->name = g_strdup_printf("%s:%s@%s", i->name, p->name, side);
	g_string_printf(iface->how,
			"received frames at trace: %s of XDP program %u \"%s\" (tag %s)%s, %s mode",
			side, p->id, p->name, p->tag,
			p->is_dispatched ? ", called by a dispatcher" : "",
			p->mode == TAP_MODE_GENERIC ? "generic" : "native");
}

bool trace_attach(struct tap *tap, const struct config *config, const struct link *i,
		  const struct filter *filter, GPtrArray *ifaces, GError **error)
{
	struct tap_program program = { 0 };
	struct tap_target target = {
		.ifindex = i->index,
		.point = &point_trace,
		.snaplen = (uint32_t)config->snaplen,
		.filter = filter->insns,
		.n_filter = filter->n,
		.trace = { .at = (enum point_at)config->at,
			   .filter_at = (enum point_at)config->filter_at,
			   .verdicts = config->verdicts ? (uint32_t)config->verdicts : UINT32_MAX },
	};
	enum tap_mode mode;
	int r;

	if (!choose(config, i, &program, error))
		return false;
	target.trace.program_id = program.id;
	target.trace.is_bond = link_is_bond(i) && program.mode == TAP_MODE_NATIVE;
	r = tap_attach(tap, &target, &mode);
	if (r < 0)
		return explain(i, &program, r, error);
	if (target.trace.at != POINT_AT_EXIT)
		add_iface(ifaces, i, &program, "entry");
	if (target.trace.at != POINT_AT_ENTRY)
		add_iface(ifaces, i, &program, "exit");
	return true;
}
