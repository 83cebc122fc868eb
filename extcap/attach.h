/* SPDX-License-Identifier: MIT */
/* Puts the tap onto interfaces, and says in a sentence why that did not work and what would. */
#ifndef XDPTAP_EXTCAP_ATTACH_H
#define XDPTAP_EXTCAP_ATTACH_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/iface.h"
#include "extcap/options.h"

/* A tap without interfaces, its rings as the configuration asks; tap_free() it in any case. */
bool attach_prepare(struct tap **ret, const struct config *config, GError **error);
/*
 * Puts the program onto an interface, which becomes the tap's next slot. How it is attached, in
 * words for the user (owned by the caller), or NULL.
 */
char *attach(struct tap *tap, const struct config *config, const struct iface *iface,
	     GError **error);

#endif
