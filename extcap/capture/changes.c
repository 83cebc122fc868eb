/* SPDX-License-Identifier: MIT */
/* Notes in the order in which they were made. */
#include "extcap/capture/changes.h"

#define MARKS	    65535 /* 1 and up: 0 is the state in which the capture began */
#define SUMMARY_MAX 20

void changes_init(struct changes *n)
{
	*n = (struct changes){ .texts = g_ptr_array_new_with_free_func(g_free) };
}

void changes_done(struct changes *n)
{
	g_clear_pointer(&n->texts, g_ptr_array_unref);
}

uint16_t changes_add(struct changes *n, const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
	char *note = g_strdup_printf("%s %s", time, text);
	guint at = n->n++ % MARKS;

	if (at < n->texts->len) {
		g_free(n->texts->pdata[at]);
		n->texts->pdata[at] = note;
	} else {
		g_ptr_array_add(n->texts, note);
	}
	return (uint16_t)(at + 1);
}

const char *changes_find(const struct changes *n, uint16_t mark)
{
	return mark && mark <= n->texts->len ? n->texts->pdata[mark - 1] : NULL;
}

char *changes_summary(const struct changes *n)
{
	guint first = n->n > SUMMARY_MAX ? n->n - SUMMARY_MAX : 0;
	g_autoptr(GString) s = NULL;

	if (!n->n)
		return NULL;
	s = g_string_new("changed while capturing: ");
	if (first)
		g_string_append_printf(s, "%u times; at last: ", n->n);
	for (guint i = first; i < n->n; i++)
		g_string_append_printf(s, "%s%s", i > first ? "; " : "",
				       (char *)n->texts->pdata[i % MARKS]);
	return g_string_free(g_steal_pointer(&s), false);
}
