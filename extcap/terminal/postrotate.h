/* SPDX-License-Identifier: MIT */
/* The command of --post-rotate, run for each finished file; a few at a time, the others wait. */
#ifndef XDPTAP_EXTCAP_TERMINAL_POSTROTATE_H
#define XDPTAP_EXTCAP_TERMINAL_POSTROTATE_H

#include <glib.h>
#include <stdbool.h>

struct postrotate {
	char **command;	 /* NULL: nothing is run */
	GQueue waiting;	 /* of char *: paths */
	GList *children; /* of struct child */
	unsigned int running;
	/* A command could not be run, or failed. */
	void (*failed)(void *user, const char *path, const char *why);
	void *user;
};

/* `command` is split as a shell would, and NULL if there is none. No shell is started. */
bool postrotate_init(struct postrotate *p, const char *command, GError **error);
void postrotate_add(struct postrotate *p, const char *path);
/*
 * Waits until all have ended. Signals end the wait, not the commands: the first one counted in
 * *n_signals, or, where a signal ended the capture, the second.
 */
void postrotate_wait(struct postrotate *p, const unsigned int *n_signals);
/* Frees; the commands that still run are on their own. */
void postrotate_done(struct postrotate *p);

#endif
