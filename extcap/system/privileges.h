/* SPDX-License-Identifier: MIT */
/*
 * What this process may do: everything that attaching requires, and almost nothing once the programs
 * are attached. privileges.c says what remains, sandbox.h which system calls.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_PRIVILEGES_H
#define XDPTAP_EXTCAP_SYSTEM_PRIVILEGES_H

#include <glib.h>
#include <stdbool.h>

#define PRIVILEGES_PATHS 4

/* What a capture still does after its programs are attached. */
struct privileges_need {
	bool is_pipe;	       /* it writes to a pipe, and to no file */
	bool reads_files;      /* opens existing ones */
	bool makes_files;      /* opens, renames and deletes files */
	bool runs_commands;    /* executes the user's commands, with the user's rights */
	bool asks_netlink;     /* see tap_asks_netlink() and tap_read_addresses() */
	bool detaches_tc;      /* by netlink, see tap_needs_netlink() */
	bool replaces_filters; /* loads programs again, between privileges_raise() and _lower() */
	bool adds_rings;       /* for CPUs that come online, between the same two */
	const char *paths[PRIVILEGES_PATHS]; /* of the files it makes; borrowed, NULL: none */
};

/*
 * The capabilities that a capture requires and this process lacks: "cap_bpf and cap_perfmon"; NULL:
 * none. Owned by the caller.
 */
char *privileges_missing(void);
/* Whether the program's file has capabilities that this process did not get. */
bool privileges_are_withheld(void);
/* Returns false with *error if "user" does not exist or we are not root. */
bool privileges_check_user(const char *user, GError **error);
/* Switches to this user and its groups for good; capabilities remain until privileges_drop(). */
bool privileges_become(const char *user, GError **error);
/*
 * Drops, for good, every capability and system call that the capture no longer needs. Call it before any
 * thread starts, because each thread has its own; after a single output is opened, and before rotated
 * files are.
 */
bool privileges_drop(const struct privileges_need *need, GError **error);
/* In a child process: drops all capabilities but CAP_NET_ADMIN. Returns whether it has that alone. */
bool privileges_keep_net_admin(void);
/* Make the capabilities kept for replaces_filters and adds_rings effective, and ineffective again. */
void privileges_raise(void);
void privileges_lower(void);
/* Whether the capture may ask which programs are attached, between the two. */
bool privileges_can_ask(void);

#endif
