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
