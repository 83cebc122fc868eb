/* SPDX-License-Identifier: MIT */
/*
 * The names of finished files, one a line, for whoever reads them: a pipe, a FIFO, a terminal or a file.
 * A reader that is slow, stopped or not there yet never holds the capture: names wait in memory.
 */
#ifndef XDPTAP_EXTCAP_SINK_NAMES_H
#define XDPTAP_EXTCAP_SINK_NAMES_H

#include <glib.h>
#include <stdbool.h>

#define NAMES_WAITING_MAX 4096 /* later names are dropped, and counted */

struct names;

/* Opens a file or FIFO, standard output ("-" or "stdout") or "stderr". NULL on failure. */
struct names *names_open(const char *to, GError **error);
/* Writes the name, now or when the reader reads; the default main context calls back for that. */
void names_add(struct names *n, const char *name);
/*
 * Waits at most wait_ms for the reader of what is left, and closes. Returns how many names it did not get.
 * NULL is accepted.
 */
guint64 names_close(struct names *n, int wait_ms);

#endif
