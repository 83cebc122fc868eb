/* SPDX-License-Identifier: MIT */
/* The capture point "trace": which program to trace, and why that fails. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_TRACE_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_TRACE_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"
#include "extcap/config/options.h"

/* Whether the configuration requires tracing. */
bool trace_is_needed(const struct config *config);
/* Whether its options agree with one another; else sets *error. */
bool trace_check(const struct config *config, GError **error);
/*
 * Traces a program on the interface, and adds to "ifaces" (of struct attach_iface) one for each side.
 * Returns false with *error.
 */
bool trace_attach(struct tap *tap, const struct config *config, const struct link *i,
		  const struct filter *filter, GPtrArray *ifaces, GError **error);

#endif
