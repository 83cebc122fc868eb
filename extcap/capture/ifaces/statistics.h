/* SPDX-License-Identifier: MIT */
/* The counters of an interface as the file has them: its Interface Statistics Block. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_STATISTICS_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_STATISTICS_H

#include <glib.h>
#include <stdint.h>

#include "extcap/capture/stream.h"
#include "pcapng/writer.h"

/* Adds those of this moment, in nanoseconds since the epoch. 0 or -errno. */
int statistics_add(const struct stream *s, guint iface, uint64_t now, struct pcapng_writer *w);

#endif
