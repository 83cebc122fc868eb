/* SPDX-License-Identifier: MIT */
/*
 * The log: g_debug(), g_info() and g_warning() of this program end in the file of --log-file, or
 * nowhere. Never on Wireshark's stderr, where it would be shown to the user as an error.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_LOG_H
#define XDPTAP_EXTCAP_SYSTEM_LOG_H

#include <glib.h>
#include <stdbool.h>

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARNING,
};

/*
 * Appends messages of at least this level to the file at `path` (NULL: to none), after a line with the
 * command line `argv`. False: the file cannot be opened.
 */
bool log_open(const char *path, enum log_level level, char **argv, GError **error);

/* time is as it stands in the file, text has no end of line. */
typedef void (*log_fn)(void *user, const char *time, const char *text);
/* Whatever is of these levels also goes to fn, without the file too; NULL: no longer. */
void log_listen(GLogLevelFlags levels, log_fn fn, void *user);

#endif
