/* SPDX-License-Identifier: MIT */
/*
 * TLS secrets of a key log, in the capture: each is written before the first frame that was captured after
 * the program logged it, and at the start of every file in which its connection may still be open.
 */
#ifndef XDPTAP_EXTCAP_SECRETS_SECRETS_H
#define XDPTAP_EXTCAP_SECRETS_SECRETS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/sink/sink.h"

struct secrets;

/*
 * NULL, which all these functions but secrets_hold() accept: no key log is configured. Call it before frames
 * are captured, so that no secret of theirs is old.
 */
struct secrets *secrets_new(const struct config *config);
/*
 * Opens the key log with the rights that this process has now, and warns that there will be secrets. False
 * with *error: it cannot be read.
 */
bool secrets_open(struct secrets *s, const struct config *config, GError **error);
void secrets_free(struct secrets *s);
/* Writes what was logged before this frame was captured. */
void secrets_before(struct secrets *s, struct sink *sink, struct tap *tap,
		    const struct tap_frame *frame);
/*
 * Wireshark needs the secrets of a TLS 1.3 connection when it reads the ServerHello and the Finished messages,
 * and a client logs them a moment after it has got the one and sent the other. So a ServerHello waits for
 * them, not long, and with it what follows it: true, if a copy of this frame is held. It is not trusted.
 */
bool secrets_hold(struct secrets *s, struct sink *sink, struct tap *tap, uint16_t linktype,
		  const struct tap_frame *frame);
/*
 * Passes held frames on: those that need not wait any longer, until fn does not return 0; or `all`, whatever it
 * returns, so that each of them is accounted for at the end.
 */
void secrets_release(struct secrets *s, struct sink *sink, struct tap *tap, bool all,
		     tap_frames_fn fn, void *user);
/* How long to wait until that is to be called: wait_ms, or less if frames are held. */
int secrets_wait_ms(const struct secrets *s, int wait_ms);
/* Another file has begun, whose clock is set back by so much: repeats what may be needed there. */
void secrets_repeat(struct secrets *s, struct sink *sink, uint64_t back_ns);

#endif
