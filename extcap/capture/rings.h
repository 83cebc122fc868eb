/* SPDX-License-Identifier: MIT */
/* The ring buffers that the kernel writes frames into. */
#ifndef XDPTAP_EXTCAP_CAPTURE_RINGS_H
#define XDPTAP_EXTCAP_CAPTURE_RINGS_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"

/* A tap without interfaces, with rings of the configured size. Needs tap_free() in any case. */
bool rings_prepare(struct tap **ret, const struct config *config, GError **error);
/* Gives a ring to each CPU that has come online since and captures frames. */
void rings_add(struct tap *tap);

#endif
