/* SPDX-License-Identifier: MIT */
/* Signals as events of the main loop, without the thread that GLib's own would start. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SIGNALS_H
#define XDPTAP_EXTCAP_SYSTEM_SIGNALS_H

#include <glib.h>
#include <stdbool.h>

/* From now on the signal calls fn(user) from the main loop, once for all that came meanwhile. */
void signals_add(int number, GSourceFunc fn, void *user);
/*
 * SIGTERM when our parent ends: Wireshark, when killed, does not end its children, and an idle capture
 * would stay. False: it has ended already.
 */
bool signals_end_with_parent(void);

#endif
