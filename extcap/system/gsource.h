/* SPDX-License-Identifier: MIT */
/* A main loop source that is ready when one of its descriptors is, or at a given time. */
#ifndef XDPTAP_EXTCAP_SYSTEM_GSOURCE_H
#define XDPTAP_EXTCAP_SYSTEM_GSOURCE_H

#include <glib.h>

/* Attaches a source to the default context, which owns it until g_source_destroy(). */
GSource *gsource_add(GSourceFunc callback, void *user);
/* Likewise, and ready when `fd` is readable; a negative fd is ignored. */
GSource *gsource_add_reader(GSourceFunc callback, void *user, int fd);
/* Makes it ready `ms` milliseconds from now, which may be years; negative: never. */
void gsource_set_ms(GSource *source, gint64 ms);

#endif
