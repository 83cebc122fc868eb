/* SPDX-License-Identifier: MIT */
/*
 * Wireshark's interface toolbar: its controls, the changes they make to the running capture, and what
 * the user sees: counters in the status bar, and a log.
 */
#ifndef XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H
#define XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"
#include "extcap/wireshark/control.h"

/* Prints the sentences from which Wireshark builds the toolbar. */
void toolbar_print(void);
/*
 * Runs capture_run() with a toolbar on "control"; NULL: none. Before it returns, it waits up to a few
 * seconds for Wireshark to open the control pipe.
 */
bool toolbar_run(struct control *control, const struct config *config, GError **error);

#endif
