/* SPDX-License-Identifier: MIT */
/* Whose frames are captured: --pid, --process-name, --uid, --cgroup and --unit. */
#ifndef XDPTAP_EXTCAP_PROCESS_CHOSEN_H
#define XDPTAP_EXTCAP_PROCESS_CHOSEN_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"

/* Whether only frames of some processes are captured. */
bool chosen_is_any(const struct config *config);
/* Adds them to *ret; what it points to lasts until chosen_done(). False with *error: there is no such thing. */
bool chosen_read(const struct config *config, struct tap_process *ret, GError **error);
void chosen_done(struct tap_process *p);

#endif
