/* SPDX-License-Identifier: MIT */
/*
 * The engine: one capture from start to end. Both faces of the program build a configuration and
 * call capture_run(); they differ in what they tell the user meanwhile.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_H
#define XDPTAP_EXTCAP_CAPTURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "extcap/control.h"
#include "extcap/options.h"

/* What became of the frames of one interface. accepted = written + the lost ones. */
struct capture_count {
	const char *name;
	uint64_t seen, accepted, written;
	uint64_t lost_ring;    /* the kernel's ring was full */
	uint64_t lost_copy;    /* the kernel could not copy the frame, or it was too long */
	uint64_t lost_backlog; /* the reader of the output was too slow */
};

/* How a face follows the capture; every function may be NULL. Counts are valid during the call. */
struct capture_face {
	bool is_child;		 /* of Wireshark: ends when the parent does */
	struct control *control; /* its toolbar; NULL: none */
	/* Everything is in place, frames come from now on. */
	void (*started)(const struct config *config, void *user);
	/* About twice a second; "written" is exact, losses are not asked for. */
	void (*progress)(uint64_t written, void *user);
	/* The capture is over and the output complete. */
	void (*finished)(const struct capture_count *counts, unsigned int n, void *user);
	void *user;
};

/*
 * Captures as "config" says until a signal, a stop rule, the end of the reader or a failure. True
 * when it ended as it should (also when the reader went away); else *error has the sentence.
 */
bool capture_run(const struct config *config, const struct capture_face *face, GError **error);

/* For a capture that cannot even begin: tells the reader of its FIFO that nothing will come. */
void capture_refuse(const struct config *config, struct control *control);

#endif
