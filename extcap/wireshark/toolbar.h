/* SPDX-License-Identifier: MIT */
/*
 * Wireshark's interface toolbar: which controls there are, what their messages do to the capture that
 * runs, and what it tells the user meanwhile: counters in the status bar, and a log.
 */
#ifndef XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H
#define XDPTAP_EXTCAP_WIRESHARK_TOOLBAR_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/wireshark/control.h"
#include "extcap/config/options.h"
#include "extcap/capture/stream.h"

struct toolbar;

/* Prints the sentences by which Wireshark makes the toolbar. */
void toolbar_print(void);
/* Keeps the log for it; NULL where there is no toolbar, and all else takes NULL. */
struct toolbar *toolbar_new(struct control *control, const struct config *config);
/*
 * Heeds it from now on, in the default main context: tap and stream change by what the user does.
 */
void toolbar_start(struct toolbar *t, struct tap *tap, struct stream *stream);
/* Heeds it no longer. What was changed is remembered for the stream's statistics. */
void toolbar_stop(struct toolbar *t);
/* Sends the last lines of the log. */
void toolbar_free(struct toolbar *t);

#endif
