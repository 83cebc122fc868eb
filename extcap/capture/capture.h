/* SPDX-License-Identifier: MIT */
/*
 * The engine: one capture from start to end. Both faces of the program build a configuration and
 * call capture_run(); they differ in what they tell the user meanwhile.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_CAPTURE_H
#define XDPTAP_EXTCAP_CAPTURE_CAPTURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "extcap/wireshark/control.h"
#include "extcap/capture/count.h"
#include "extcap/config/options.h"
#include "extcap/sink/sink-files.h"

/* How it stands, for the time of a call. */
struct capture_status {
	const struct count *counts; /* of each interface */
	unsigned int n;
	uint64_t written; /* frames, in all */
	uint64_t lost;
	uint64_t bytes; /* in the file being written, before compression */
	struct sink_files_status files;
};

/* How a face follows the capture; every function may be NULL. */
struct capture_face {
	bool is_child;		 /* of Wireshark: ends when the parent does */
	struct control *control; /* its toolbar; NULL: none */
	/* Everything is in place, frames come from now on. */
	void (*started)(const struct config *config, void *user);
	/* A file is begun; what it will be called when it is finished. */
	void (*begun)(const char *path, void *user);
	/* A file is finished, and nobody will write to it any more. */
	void (*finished)(const char *path, void *user);
	/* About twice a second. */
	void (*progress)(const struct capture_status *status, void *user);
	/* Somebody asked for the counters, by SIGUSR1. */
	void (*asked)(const struct capture_status *status, void *user);
	/* The capture is over and the output complete. */
	void (*ended)(const struct capture_status *status, void *user);
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
