/* SPDX-License-Identifier: MIT */
/* Why a program could not be attached, in a sentence with a remedy. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_REFUSAL_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_REFUSAL_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"
#include "extcap/net/link.h"
#include "extcap/net/xdp-programs.h"

/*
 * The program of another device that keeps ours off an interface, as the subject of a sentence, owned by the
 * caller; NULL if the interface has one itself.
 */
char *refusal_find_obstacle(const struct link *i, struct xdp_obstacle *ret);
/* Explains the -errno of tap_attach() for an interface. Always false. */
bool refusal_explain(const struct config *config, const struct link *i, const struct point *point,
		     int err, GError **error);

#endif
