/* SPDX-License-Identifier: MIT */
/* Puts the tap onto interfaces, and says in a sentence why that did not work and what would. */
#ifndef XDPTAP_EXTCAP_CAPTURE_ATTACH_H
#define XDPTAP_EXTCAP_CAPTURE_ATTACH_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"
#include "extcap/config/options.h"

/* An interface in the file, and how many slots of the tap it stands for. */
struct attach_port {
	char *name;   /* NULL: the interface's own */
	GString *how; /* points and modes, for people */
	unsigned int n_slots;
};

/* Adds an empty one to an array of them. */
struct attach_port *attach_port_add(GPtrArray *ports);
/* A tap without interfaces, its rings as the configuration asks; tap_free() it in any case. */
bool attach_prepare(struct tap **ret, const struct config *config, GError **error);
/*
 * Puts the programs onto an interface that the configuration asks for, one for each direction. The
 * struct attach_port that the tap's next slots belong to, in that order (owned by the caller), or NULL.
 */
GPtrArray *attach(struct tap *tap, const struct config *config, const struct filter *filter,
		  const struct link *iface, GError **error);

#endif
