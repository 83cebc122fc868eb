/* SPDX-License-Identifier: MIT */
/*
 * The log: g_debug(), g_info() and g_warning() of this program go to the file of --log-file, or
 * nowhere. They never go to stderr, which Wireshark shows to the user as an error.
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

/* Takes over the messages of GLib and libbpf, which would write to stderr; before any call to either. */
void log_init(void);
/*
 * Appends messages of at least this level to the file at `path` (NULL: to none), after a line with the
 * command line `argv`. Returns false if the file cannot be opened.
 */
bool log_open(const char *path, enum log_level level, char **argv, GError **error);

/* time is formatted as in the file; text has no newline. */
typedef void (*log_fn)(void *user, const char *time, const char *text);
/* Passes messages of these levels to fn as well, with or without a file; NULL ends that. */
void log_listen(GLogLevelFlags levels, log_fn fn, void *user);

#endif
