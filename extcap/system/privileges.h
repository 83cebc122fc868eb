/* SPDX-License-Identifier: MIT */
/*
 * What this process may do: all that attaching takes, and once the programs are in place next to
 * nothing. See privileges.c for what stays, and sandbox.h for the system calls.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_PRIVILEGES_H
#define XDPTAP_EXTCAP_SYSTEM_PRIVILEGES_H

#include <glib.h>
#include <stdbool.h>

#define PRIVILEGES_PATHS 4

/* What a capture still does after its programs are in place. */
struct privileges_need {
	bool is_pipe;	       /* it writes to a pipe, and to no file */
	bool makes_files;      /* opens, renames and deletes files */
	bool runs_commands;    /* executes the user's commands, with the user's rights */
	bool asks_netlink;     /* see tap_asks_netlink() */
	bool detaches_tc;      /* by netlink, see tap_needs_netlink() */
	bool replaces_filters; /* loads programs again, between privileges_raise() and _lower() */
	const char *paths[PRIVILEGES_PATHS]; /* of the files it makes; borrowed, NULL: none */
};

/*
 * Capabilities that a capture takes and this process has not: "cap_bpf and cap_perfmon"; NULL: none is
 * missing. Owned by the caller.
 */
char *privileges_missing(void);
/* Whether the program's file has capabilities that this process did not get. */
bool privileges_are_withheld(void);
/* False, with a sentence for the user, where "user" is nobody here or we are not root. */
bool privileges_check_user(const char *user, GError **error);
/* Becomes this user, with its groups, for good; capabilities stay until privileges_drop(). */
bool privileges_become(const char *user, GError **error);
/*
 * Gives up for good every capability and system call but those that the capture still needs. Before
 * any thread is started, as each has its own; after the one output is opened, before any set of files.
 */
bool privileges_drop(const struct privileges_need *need, GError **error);
/* Makes what privileges_drop() kept for replaces_filters effective, and no longer so. */
void privileges_raise(void);
void privileges_lower(void);

#endif
