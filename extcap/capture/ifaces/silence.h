/* SPDX-License-Identifier: MIT */
/*
 * Finds XDP programs that the driver accepted and does not run: the device counts received frames, the program
 * none. It is told once for each.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_SILENCE_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_SILENCE_H

#include <glib.h>

#include "extcap/capture/stream.h"

struct silence;

/* Call it in the interfaces' network namespace, before the sandbox. */
struct silence *silence_new(void);
/* From now on it looks by itself, rarely, while a main loop runs. The stream is borrowed. */
void silence_watch(struct silence *s, const struct stream *stream);
/* Looks for the last time, and frees; NULL is allowed. */
void silence_end(struct silence *s);

#endif
