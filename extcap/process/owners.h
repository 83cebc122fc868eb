/* SPDX-License-Identifier: MIT */
/*
 * Processes in the capture: which is meant with a process ID, said on the first packet of each flow, and again
 * where the flow passes to another process.
 */
#ifndef XDPTAP_EXTCAP_PROCESS_OWNERS_H
#define XDPTAP_EXTCAP_PROCESS_OWNERS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"
#include "pcapng/writer.h"

struct owners;

/* Whether frames are to have processes. */
bool owners_are_wanted(const struct config *config);
/* NULL, which the functions below accept: nobody asks for processes. */
struct owners *owners_new(const struct config *config);
void owners_free(struct owners *o);
/* What the tap is to learn, for this user; chosen_done() frees it. False with *error: it cannot, here. */
bool owners_prepare(const struct config *config, struct tap_process *ret, GError **error);
/* Why tap_new() could not learn of processes, for errno values of its own; NULL: that was not it. */
const char *owners_explain(const struct config *config, int err);
/*
 * Adds the process of a frame to its packet: its ID, and if it is the first of its flow, or of another process than
 * the one before it there, a comment, in front of the others. `comments` are those of the packet, with room for one
 * more. owners_told() must follow as soon as the packet was added, with the result.
 */
void owners_tell(struct owners *o, const struct tap *tap, uint16_t linktype,
		 const struct tap_frame *frame, struct pcapng_packet *packet,
		 const char *comments[]);
void owners_told(struct owners *o, int r);
/*
 * Adds the process of a frame about which there is nothing to tell: it is that of its flow. False: there is, and the
 * packet is as it was.
 */
bool owners_add(const struct owners *o, uint16_t linktype, const struct tap_frame *frame,
		struct pcapng_packet *packet);
/* A new file begins, with the packet that is being added, if there is one. It is to be understood without the others. */
void owners_forget(struct owners *o);

#endif
