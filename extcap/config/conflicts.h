/* SPDX-License-Identifier: MIT */
/*
 * Options that have no effect beside others, or without them. None is ignored in silence: each such pair
 * is a usage error, and xdptap(1) says so where it describes the option.
 */
#ifndef XDPTAP_EXTCAP_CONFIG_CONFLICTS_H
#define XDPTAP_EXTCAP_CONFIG_CONFLICTS_H

#include "extcap/config/options.h"

/* front_end: OPTION_CLI or OPTION_DIALOG, where the filter and the direction may still change. */
bool conflicts_check(const struct config *c, unsigned int front_end, GError **error);
/* Whether every option has its default, except the one named `used` (may be NULL); for a query of that name. */
bool conflicts_check_query(const struct config *c, const char *query, const char *used,
			   GError **error);

#endif
