/* SPDX-License-Identifier: MIT */
#include "extcap/capture/ifaces/ready.h"

static void on_compiled(void *user, struct filter *filter, const char *why)
{
	struct ready *r = user;

	r->job = NULL;
	filter_adopt(r->filter, filter, &r->place, why);
	filter_unref(filter);
	g_clear_pointer(&r->filter, filter_unref);
}

bool ready_for(struct ready *r, struct filter *filter, const struct link *i)
{
	const struct filter_place place = { .linktype = link_linktype(i), .ifindex = i->index };

	if (r->job)
		return false;
	if (place.linktype < 0 || filter_has(filter, place.linktype, place.ifindex))
		return true;
	r->place = place;
	r->filter = filter_ref(filter);
	r->job = filter_compile(filter->expression, &place, 1, on_compiled, r);
	return false;
}

bool ready_is_busy(const struct ready *r)
{
	return r->job;
}

void ready_done(struct ready *r)
{
	filter_abandon(g_steal_pointer(&r->job));
	g_clear_pointer(&r->filter, filter_unref);
}
