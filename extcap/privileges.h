/* SPDX-License-Identifier: MIT */
/*
 * What this process may do: all that attaching takes, and once the programs are in place next to
 * nothing. See privileges.c for what stays, and sandbox.h for the system calls.
 */
#ifndef XDPTAP_EXTCAP_PRIVILEGES_H
#define XDPTAP_EXTCAP_PRIVILEGES_H

#include <glib.h>
#include <stdbool.h>

/* What a capture still does after its programs are in place. All zero: it fills a pipe. */
struct privileges_need {
	bool reads_files;      /* of its output: opens a file again to cut it back */
	const char *folder;    /* opens, renames and removes files in it; NULL: no files */
	bool runs_commands;    /* of the user's: see sandbox.c */
	bool detaches_tc;      /* by netlink, see tap_needs_netlink() */
	bool replaces_filters; /* loads programs again, between privileges_raise() and _lower() */
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
 * Gives up for good every capability but those that the capture still needs, and every system call.
 * Before any thread is started.
 */
bool privileges_drop(const struct privileges_need *need, GError **error);
/* Makes what privileges_drop() kept for replaces_filters effective, and no longer so. */
void privileges_raise(void);
void privileges_lower(void);

#endif
