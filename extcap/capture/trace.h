/* SPDX-License-Identifier: MIT */
/* Capture point "trace", as the user asks for it: which program, and why it cannot be. */
#ifndef XDPTAP_EXTCAP_CAPTURE_TRACE_H
#define XDPTAP_EXTCAP_CAPTURE_TRACE_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"
#include "extcap/config/options.h"

/* Whether only a traced program gives what the configuration asks for. */
bool trace_is_needed(const struct config *config);
/* Whether its options contradict one another; else the sentence. */
bool trace_check(const struct config *config, GError **error);
/*
 * Traces a program on the interface, and adds to "ifaces" (of struct attach_iface) one for each side of
 * it. False with the sentence.
 */
bool trace_attach(struct tap *tap, const struct config *config, const struct link *i,
		  const struct filter *filter, GPtrArray *ifaces, GError **error);

#endif
