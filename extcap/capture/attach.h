/* SPDX-License-Identifier: MIT */
/* Attaches the tap to interfaces; a failure becomes a sentence that says what to do. */
#ifndef XDPTAP_EXTCAP_CAPTURE_ATTACH_H
#define XDPTAP_EXTCAP_CAPTURE_ATTACH_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"
#include "extcap/config/options.h"

/* An interface in the file, and the number of the tap's slots that belong to it. */
struct attach_iface {
	char *name;   /* NULL: the interface's own */
	GString *how; /* points and modes, in words */
	int linktype; /* 0: the interface's own */
	unsigned int n_slots;
};

/* Whether the configuration says how to capture at the XDP hook, so that tc cannot do it instead. */
bool attach_needs_xdp(const struct config *config);
/* Whether "any" is among the interfaces to capture on. */
bool attach_is_any(const struct config *config);
/* Adds an empty one to an array. */
struct attach_iface *attach_iface_add(GPtrArray *ifaces);
/*
 * Attaches the configured programs to an interface, one for each direction. The filter may have been
 * compiled for another linktype. Returns the array of struct
 * attach_iface that the tap's next slots belong to, in that order (owned by the caller), or NULL.
 */
GPtrArray *attach(struct tap *tap, const struct config *config, struct filter *filter,
		  const struct link *iface, GError **error);

#endif
