/* SPDX-License-Identifier: MIT */
/* Which interfaces "any" leaves out. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_LEFT_OUT_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_LEFT_OUT_H

#include <stdbool.h>

#include "extcap/capture/filter.h"
#include "extcap/config/options.h"
#include "extcap/net/link.h"

/*
 * Whether an interface that is up cannot be captured on as configured, which a warning says. "first" is the
 * first one that is captured; NULL: none is yet.
 */
bool left_out(const struct config *config, const struct link *first, struct filter *filter,
	      const struct link *i);

#endif
