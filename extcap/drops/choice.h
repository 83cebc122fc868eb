/* SPDX-License-Identifier: MIT */
/* Which reasons to capture drops for: --reason and --not-reason in the kernel's numbers. */
#ifndef XDPTAP_EXTCAP_DROPS_CHOICE_H
#define XDPTAP_EXTCAP_DROPS_CHOICE_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"

struct choice_of_reasons {
	GArray *values; /* of uint32_t */
	bool is_listed; /* capture for these only, else for all others */
	bool has_socket;
	uint32_t of_hooks;
};

/*
 * By default, all but the harmless ones. False with *error if the kernel names no reasons or has none of
 * that name. Needs choice_done() in any case.
 */
bool choice_read(struct choice_of_reasons *c, const struct config *config, GError **error);
void choice_done(struct choice_of_reasons *c);
/* For tap_attach(); valid as long as c. */
struct point_drop choice_target(const struct choice_of_reasons *c);
/* Prints each reason that the kernel has, in a line of its own. */
bool choice_print(FILE *to, GError **error);

#endif
