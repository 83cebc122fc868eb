/* SPDX-License-Identifier: MIT */
/* Signals as events of the main loop, without the thread that GLib's own would start. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SIGNALS_H
#define XDPTAP_EXTCAP_SYSTEM_SIGNALS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct signals_handler {
	int number;
	GSourceFunc fn; /* called from the main loop, once for all signals that came meanwhile */
};

/*
 * Handles these signals from now on, and no others; `user` must outlive signals_unwatch(). SIGINT and
 * SIGHUP that were ignored when the program started stay ignored, as nohup(1) and shells want it.
 */
void signals_watch(const struct signals_handler *handlers, size_t n, void *user);
/* Handles none any more: each signal does what it did before. */
void signals_unwatch(void);
/*
 * SIGTERM when our parent ends: Wireshark, when killed, does not end its children, and an idle capture
 * would stay. False: it has ended already.
 */
bool signals_end_with_parent(void);

#endif
