/* SPDX-License-Identifier: MIT */
/*
 * The names of finished files, one per line, for a pipe, a FIFO, a terminal or a file. A reader that is slow,
 * stopped or not there yet never holds up the capture: names wait in memory.
 */
#ifndef XDPTAP_EXTCAP_SINK_NAMES_H
#define XDPTAP_EXTCAP_SINK_NAMES_H

#include <glib.h>
#include <stdbool.h>

#define NAMES_WAITING_MAX 4096 /* later names are dropped, and counted */

struct names;

/* Opens a file or FIFO, standard output ("-" or "stdout") or "stderr". NULL on failure. */
struct names *names_open(const char *to, GError **error);
/* Writes the name, now or when the reader is ready, from the default main context. */
void names_add(struct names *n, const char *name);
/*
 * Waits at most wait_ms for the reader to read the rest, and closes. Returns the number of names that were
 * not delivered. Accepts NULL.
 */
guint64 names_close(struct names *n, int wait_ms);

#endif
