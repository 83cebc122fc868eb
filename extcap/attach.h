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
 * Puts the programs onto an interface that the configuration asks for, one for each direction: the
 * tap's next *ret_n slots. How they are attached, in words (owned by the caller), or NULL.
 */
char *attach(struct tap *tap, const struct config *config, const struct iface *iface,
	     unsigned int *ret_n, GError **error);

#endif
