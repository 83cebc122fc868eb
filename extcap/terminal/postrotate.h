/* SPDX-License-Identifier: MIT */
/* Runs the command of --post-rotate on each finished file, a few at a time. */
#ifndef XDPTAP_EXTCAP_TERMINAL_POSTROTATE_H
#define XDPTAP_EXTCAP_TERMINAL_POSTROTATE_H

#include <glib.h>
#include <stdbool.h>

struct postrotate {
	char **command;	 /* NULL: none */
	GQueue waiting;	 /* of char *: paths */
	GList *children; /* of struct child */
	unsigned int running;
	/* Called when a command cannot be run, or fails. */
	void (*failed)(void *user, const char *path, const char *why);
	void *user;
};

/* Splits `command` (NULL: none) as a shell does, without starting one. */
bool postrotate_init(struct postrotate *p, const char *command, GError **error);
void postrotate_add(struct postrotate *p, const char *path);
/*
 * Waits until all have ended. Signals end the wait, not the commands: the first one counted in
 * *n_signals, or, where a signal ended the capture, the second.
 */
void postrotate_wait(struct postrotate *p, const unsigned int *n_signals);
/* Frees the queue; commands that are still running continue on their own. */
void postrotate_done(struct postrotate *p);

#endif
