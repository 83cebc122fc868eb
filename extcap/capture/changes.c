/* SPDX-License-Identifier: MIT */
/* The changes, in the order in which they were made. */
#include "extcap/capture/changes.h"

#define GENERATIONS 65535 /* from 1; 0 is the state in which the capture began */
#define SUMMARY_MAX 20

void changes_init(struct changes *c)
{
	*c = (struct changes){ .texts = g_ptr_array_new_with_free_func(g_free) };
}

void changes_done(struct changes *c)
{
	g_clear_pointer(&c->texts, g_ptr_array_unref);
}

uint16_t changes_add(struct changes *c, const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
	char *entry = g_strdup_printf("%s %s", time, text);
	guint at = c->n++ % GENERATIONS;

	if (at < c->texts->len) {
		g_free(c->texts->pdata[at]);
		c->texts->pdata[at] = entry;
	} else {
		g_ptr_array_add(c->texts, entry);
	}
	return (uint16_t)(at + 1);
}

const char *changes_find(const struct changes *c, uint16_t generation)
{
	return generation && generation <= c->texts->len ? c->texts->pdata[generation - 1] : NULL;
}

char *changes_summary(const struct changes *c)
{
	guint first = c->n > SUMMARY_MAX ? c->n - SUMMARY_MAX : 0;
	g_autoptr(GString) s = NULL;

	if (!c->n)
		return NULL;
	s = g_string_new("changed during the capture: ");
	if (first)
		g_string_append_printf(s, "%u times; most recently: ", c->n);
	for (guint i = first; i < c->n; i++)
		g_string_append_printf(s, "%s%s", i > first ? "; " : "",
				       (char *)c->texts->pdata[i % GENERATIONS]);
	return g_string_free(g_steal_pointer(&s), false);
}
