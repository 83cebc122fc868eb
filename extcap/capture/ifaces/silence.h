/* SPDX-License-Identifier: MIT */
/*
 * Finds programs that were accepted and do not run, at XDP and at tc: the device counts received frames, the
 * program none. It is told once for each.
 *
 * Only the counters of NICs and of the loopback device are compared: software devices also count frames that
 * are their ports' (a bond), or that they hand on as somebody else's (ifb).
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_SILENCE_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_SILENCE_H

#include <glib.h>

#include "extcap/capture/stream.h"

struct silence;

/* Call it in the interfaces' network namespace, before the sandbox. */
struct silence *silence_new(void);
/* The same with counters in the format of /proc/net/dev from this descriptor, which it owns. */
struct silence *silence_new_from(int fd);
/* From now on it looks by itself, rarely, while a main loop runs. The stream is borrowed. */
void silence_watch(struct silence *s, const struct stream *stream);
/* Compares the counters now. */
void silence_look(struct silence *s);
/* Looks for the last time, and frees; NULL is allowed. */
void silence_end(struct silence *s);

#endif
