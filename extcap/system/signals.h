/* SPDX-License-Identifier: MIT */
/* Signals as events of the main loop, without the thread that GLib's own would start. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SIGNALS_H
#define XDPTAP_EXTCAP_SYSTEM_SIGNALS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct signals_handler {
	int number;
	GSourceFunc fn; /* called from the main loop, once for all pending signals of this number */
};

/*
 * Handles these signals from now on, and no others; `user` must stay valid until signals_unwatch().
 * SIGINT and SIGHUP stay ignored if they were ignored when the program started, as with nohup(1).
 */
void signals_watch(const struct signals_handler *handlers, size_t n, void *user);
/*
 * Stops handling signals and restores what each of them did before, but SIGUSR1 and SIGUSR2 never kill
 * from then on; nor does SIGTERM with `ignores_end`: Wireshark sends it as soon as dumpcap is gone, and would
 * end us before we have said why the capture ended.
 */
void signals_unwatch(bool ignores_end);
/* As if this signal had come, if it is handled; also where kill(2) is not allowed. */
void signals_raise(int number);
/*
 * Requests SIGTERM for when our parent ends: Wireshark, if killed, leaves its children running, and an
 * idle capture would stay. Returns false if the parent has ended already.
 */
bool signals_end_with_parent(void);

#endif
