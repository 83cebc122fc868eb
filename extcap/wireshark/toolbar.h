/* SPDX-License-Identifier: MIT */
/*
 * Wireshark's interface toolbar: which controls there are, what their messages do to the capture that
 * runs, and what it tells the user meanwhile: counters in the status bar, and a log.
 */
#ifndef XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H
#define XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"
#include "extcap/wireshark/control.h"

/* Prints the sentences by which Wireshark makes the toolbar. */
void toolbar_print(void);
/*
 * Captures as capture_run() does, with a toolbar that speaks through "control"; NULL: there is none.
 * Before it returns it waits, for some seconds at most, until Wireshark has opened the control pipe.
 */
bool toolbar_run(struct control *control, const struct config *config, GError **error);

#endif
