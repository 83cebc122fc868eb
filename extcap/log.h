/* SPDX-License-Identifier: MIT */
/*
 * The log: g_debug(), g_info() and g_warning() of this program end in the file of --log-file, or
 * nowhere. Never on stderr, where Wireshark would show it to the user as an error.
 */
#ifndef XDPTAP_EXTCAP_LOG_H
#define XDPTAP_EXTCAP_LOG_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/options.h"

/* From here on what is worth config->log_level is logged. False: the file cannot be opened. */
bool log_open(const struct config *config, int argc, char **argv, GError **error);

#endif
