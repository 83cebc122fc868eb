/* SPDX-License-Identifier: MIT */
#include "extcap/system/gsource.h"

#define MS_MAX (G_MAXINT64 / 2000) /* leaves room for the present time */

static gboolean dispatch(GSource *source, GSourceFunc callback, void *user)
{
	return callback(user);
}

GSource *gsource_add(GSourceFunc callback, void *user)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	GSource *source = g_source_new(&funcs, sizeof(GSource));

	g_source_set_callback(source, callback, user, NULL);
	g_source_attach(source, NULL);
	g_source_unref(source); /* the main context keeps it until it is destroyed */
	return source;
}

GSource *gsource_add_reader(GSourceFunc callback, void *user, int fd)
{
	GSource *source = gsource_add(callback, user);

	if (fd >= 0)
		g_source_add_unix_fd(source, fd, G_IO_IN);
	return source;
}

void gsource_set_ms(GSource *source, gint64 ms)
{
	g_source_set_ready_time(source,
				ms < 0 ? -1 : g_get_monotonic_time() + MIN(ms, MS_MAX) * 1000);
}
