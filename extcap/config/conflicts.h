/* SPDX-License-Identifier: MIT */
/*
 * Options that have no effect together with others, or without them. None is ignored silently: each such
 * combination is a usage error, documented with the option in xdptap(1).
 */
#ifndef XDPTAP_EXTCAP_CONFIG_CONFLICTS_H
#define XDPTAP_EXTCAP_CONFIG_CONFLICTS_H

#include "extcap/config/options.h"

/* front_end: OPTION_CLI, or OPTION_DIALOG, where filter and direction may still change. */
bool conflicts_check(const struct config *c, unsigned int front_end, GError **error);
/* Whether all options have their defaults, except the one that the query uses (NULL: none). */
bool conflicts_check_query(const struct config *c, const char *query, const char *used,
			   GError **error);

#endif
