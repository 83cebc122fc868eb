/* SPDX-License-Identifier: MIT */
/*
 * The command whose traffic is captured: xdptap -w FILE -- COMMAND. Between it and us is a process of ours, the
 * runner, which is made before we enter the sandbox, and has the rights of the user.
 */
#ifndef XDPTAP_EXTCAP_TERMINAL_COMMAND_H
#define XDPTAP_EXTCAP_TERMINAL_COMMAND_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "extcap/config/options.h"

struct command {
	char **argv;
	pid_t runner;	 /* 0: there is no command */
	int fd;		 /* to the runner */
	int status;	 /* that we exit with */
	GSource *over;	 /* ready when the runner has answered */
	GSource *linger; /* ready when the last frames are there */
	bool is_over;
	void (*end)(void);
};

/*
 * Makes the runner, which waits, and makes *config that of its traffic. With the key log of the command, if the user
 * has named none.
 */
bool command_new(struct command *c, char **argv, struct config *config, GError **error);
/* The capture runs: now the command does, too. A moment after its end, `end` is called. */
void command_start(struct command *c, void (*end)(void));
/*
 * The capture is over: waits for the end of the command. A signal that *n_signals counts besides the one that ended
 * the capture ends the command, and one more the wait.
 */
void command_wait(struct command *c, const unsigned int *n_signals);
void command_done(struct command *c);

#endif
