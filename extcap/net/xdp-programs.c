/* SPDX-License-Identifier: MIT */
/* Asks the tap, which asks the kernel; see xdp-programs.h. */
#include <net/if.h>

#include "bpf/tap.h"
#include "extcap/net/xdp-programs.h"

char *xdp_programs_text(const struct link *i)
{
	static const char *const modes[] = { "", "native", "generic", "offloaded",
					     "several modes" };
	struct tap_program list[PROGRAM_LIST] = { { 0 } };
	g_autoptr(GString) s = g_string_new(NULL);
	int n;

	if (!i->xdp_id)
		return NULL;
	n = program_list(i->index, list, PROGRAM_LIST);
	g_string_printf(s, "%u %s %s", i->xdp_id, *list[0].name ? list[0].name : "?",
			modes[MIN(i->xdp, G_N_ELEMENTS(modes) - 1)]);
	for (int k = 1; k < n; k++)
		g_string_append_printf(s, ", %u %s", list[k].id, list[k].name);
	return g_string_free(g_steal_pointer(&s), false);
}

/* How a device stands to an interface; NULL: its program is no obstacle to one there. */
static char *describe_relation(const struct link *device, const struct link *i)
{
	if (i->master == device->index)
		return g_strdup_printf("\"%s\", which \"%s\" belongs to,", device->name, i->name);
	if (device->lower == i->index)
		return g_strdup_printf("\"%s\", which is stacked on \"%s\",", device->name,
				       i->name);
	if (device->master == i->index)
		return g_strdup_printf("\"%s\", a port of \"%s\",", device->name, i->name);
	return NULL;
}

char *xdp_programs_in_the_way(const struct link *i, struct xdp_obstacle *ret)
{
	g_autoptr(GPtrArray) list = link_list(NULL);

	for (guint n = 0; list && n < list->len; n++) {
		const struct link *device = list->pdata[n];
		g_autofree char *who = device->xdp_id ? describe_relation(device, i) : NULL;
		struct tap_program p = { 0 };

		if (!who)
			continue;
		(void)tap_find_program(device->index, &p);
		*ret = (struct xdp_obstacle){
			.ifindex = device->index,
			.is_taps = g_str_equal(p.name, TAP_XDP_PROGRAM),
			.is_later = device->master != i->index && device->xdp == LINK_XDP_GENERIC,
		};
		return g_strdup_printf("%s has XDP program %u \"%s\"", who, device->xdp_id, p.name);
	}
	return NULL;
}

GPtrArray *xdp_programs_list(const char *name)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	struct tap_program list[PROGRAM_LIST] = { { 0 } };
	int n = program_list(if_nametoindex(name), list, PROGRAM_LIST);

	for (int k = 0; k < n; k++) {
		struct xdp_program *p = g_new0(struct xdp_program, 1);

		g_snprintf(p->value, sizeof(p->value), "%u", list[k].id);
		g_snprintf(p->display, sizeof(p->display), "%u %s%s", list[k].id, list[k].name,
			   list[k].is_dispatched ? ", called by the dispatcher" : "");
		g_ptr_array_add(found, p);
	}
	return found;
}
