/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "extcap/process/chosen.h"
#include "extcap/process/unit.h"
#include "extcap/system/error.h"

#define PID_MAX 4194304 /* kernel: include/linux/threads.h, PID_MAX_LIMIT */

bool chosen_is_any(const struct config *c)
{
	return c->pids->len || c->process_names->len || c->uids->len || c->cgroup || c->unit;
}

static void add(struct tap_process *p, const struct tap_choice *choice)
{
	p->choices = g_realloc_n(p->choices, p->n_choices + 1, sizeof(*p->choices));
	p->choices[p->n_choices++] = *choice;
}

static bool add_pids(struct tap_process *p, const GPtrArray *list, GError **error)
{
	guint64 pid;

	for (guint i = 0; i < list->len; i++) {
		if (!g_ascii_string_to_unsigned(list->pdata[i], 10, 1, PID_MAX, &pid, NULL))
			return fail_usage(error, "--pid requires a process ID, not \"%s\"",
					  (char *)list->pdata[i]);
		add(p, &(struct tap_choice){ .kind = TAP_CHOICE_PID, .number = (uint32_t)pid });
	}
	return true;
}

/* The kernel keeps 15 bytes of a name. */
static bool add_names(struct tap_process *p, const GPtrArray *list, GError **error)
{
	for (guint i = 0; i < list->len; i++) {
		struct tap_choice choice = { .kind = TAP_CHOICE_NAME };

		if (!*(char *)list->pdata[i])
			return fail_usage(error, "--process-name requires a name");
		strncpy(choice.name, list->pdata[i], sizeof(choice.name) - 1);
		add(p, &choice);
	}
	return true;
}

static bool add_uids(struct tap_process *p, const GPtrArray *list, GError **error)
{
	for (guint i = 0; i < list->len; i++) {
		const char *text = list->pdata[i];
		const struct passwd *user = getpwnam(text);
		guint64 uid = user ? user->pw_uid : 0;

		if (!user && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &uid, NULL))
			return fail_usage(error, "--uid: there is no user \"%s\"", text);
		add(p, &(struct tap_choice){ .kind = TAP_CHOICE_UID, .number = (uint32_t)uid });
	}
	return true;
}

/* A unit without a suffix is a service, as for systemctl(1). */
static char *cgroup_of(const struct config *config)
{
	if (!config->unit)
		return g_strdup(config->cgroup);
	return g_strconcat(config->unit, unit_is(config->unit) ? "" : ".service", NULL);
}

bool chosen_read(const struct config *config, struct tap_process *ret, GError **error)
{
	ret->is_selective = chosen_is_any(config);
	ret->has_children = config->has_children;
	ret->cgroup = cgroup_of(config);
	return add_pids(ret, config->pids, error) && add_names(ret, config->process_names, error) &&
	       add_uids(ret, config->uids, error);
}

void chosen_done(struct tap_process *p)
{
	g_clear_pointer(&p->choices, g_free);
	g_free((char *)p->cgroup);
	p->cgroup = NULL;
	p->n_choices = 0;
}
