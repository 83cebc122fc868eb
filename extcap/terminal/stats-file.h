/* SPDX-License-Identifier: MIT */
/*
 * The counters as a text file for the textfile collector of Prometheus' node exporter, which reads each
 * FILE.prom in a folder. The file is replaced atomically, so nobody reads half of it.
 */
#ifndef XDPTAP_EXTCAP_TERMINAL_STATS_FILE_H
#define XDPTAP_EXTCAP_TERMINAL_STATS_FILE_H

#include <stdbool.h>

#include "extcap/capture/capture.h"

/* Whether the path can be replaced: a file, or nothing yet, but no device or FIFO. */
bool stats_file_check(const char *path, GError **error);
/* is_running: whether the capture is still running. */
bool stats_file_write(const char *path, const struct capture_status *status, bool is_running,
		      GError **error);

#endif
