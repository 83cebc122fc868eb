/* SPDX-License-Identifier: MIT */
/*
 * The counters as a text file for Prometheus' node exporter (its textfile collector), which takes each
 * FILE.prom of a folder. Replaced as a whole, so that nobody reads half of it.
 */
#ifndef XDPTAP_EXTCAP_TERMINAL_STATS_FILE_H
#define XDPTAP_EXTCAP_TERMINAL_STATS_FILE_H

#include <stdbool.h>

#include "extcap/capture/capture.h"

/* is_running: whether the capture goes on. */
bool stats_file_write(const char *path, const struct capture_status *status, bool is_running,
		      GError **error);

#endif
