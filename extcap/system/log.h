/* SPDX-License-Identifier: MIT */
/*
 * The log: g_debug(), g_info() and g_warning() of this program end in the file of --log-file, or
 * nowhere. Never on Wireshark's stderr, where it would be shown to the user as an error.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_LOG_H
#define XDPTAP_EXTCAP_SYSTEM_LOG_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"

/* From here on what is worth config->log_level is logged. False: the file cannot be opened. */
bool log_open(const struct config *config, int argc, char **argv, GError **error);

/* time is as it stands in the file, text has no end of line. */
typedef void (*log_fn)(void *user, const char *time, const char *text);
/* Whatever is of these levels also goes to fn, without the file too; NULL: no longer. */
void log_listen(GLogLevelFlags levels, log_fn fn, void *user);

#endif
