/* SPDX-License-Identifier: MIT */
/* Below a millisecond nothing is told: time synchronization does that all the time. */
#include <glib.h>

#include "extcap/sink/step.h"

#define TOLD_NS 1000000

/* In seconds. */
static double s_of(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void tell(struct step *s, uint64_t ahead_ns, const char *consequence)
{
	if (ahead_ns < s->told_ns + TOLD_NS)
		return;
	g_warning("the system clock was set back by %.3f s%s", s_of(ahead_ns - s->told_ns),
		  consequence);
	s->told_ns = ahead_ns;
}

void step_look(struct step *s, uint64_t ahead_ns)
{
	tell(s, ahead_ns, "; time stamps in this file stay that much ahead");
	s->told_ns = MIN(s->told_ns, ahead_ns);
	s->most_ns = MAX(s->most_ns, ahead_ns);
}

void step_follow(struct step *s, uint64_t back_ns)
{
	tell(s, back_ns, "; time stamps follow it from this file on");
	*s = (struct step){ .before_ns = back_ns };
}

char *step_text(const struct step *s)
{
	GString *text = g_string_new(NULL);

	if (s->before_ns >= TOLD_NS)
		g_string_append_printf(text, "before this file the clock was set back by %.3f s",
				       s_of(s->before_ns));
	if (s->most_ns >= TOLD_NS)
		g_string_append_printf(text,
				       "%stime stamps are up to %.3f s ahead: the clock was set "
				       "back",
				       text->len ? "; " : "", s_of(s->most_ns));
	return g_string_free(text, text->len == 0);
}
