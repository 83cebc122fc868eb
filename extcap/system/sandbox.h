/* SPDX-License-Identifier: MIT */
/* The system calls that a capture may still make once its programs are in place. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SANDBOX_H
#define XDPTAP_EXTCAP_SYSTEM_SANDBOX_H

/* What a capture may do beside reading its rings and writing what is open. */
enum {
	SANDBOX_READING = 1 << 0, /* of files that are there */
	SANDBOX_FILES =
		1 << 1, /* making, renaming and removing files; threads that compress them */
	SANDBOX_NETLINK = 1 << 2, /* asking for and taking off a tc program */
	SANDBOX_FILTERS = 1 << 3, /* loading a program, and looking up names for its filter */
};

/*
 * Leaves to all threads of this process, for good, the system calls that such a capture needs: any
 * other fails with ENOSYS. Takes no_new_privs. Where the kernel has no filter for them the log says so.
 */
void sandbox_enter(unsigned int allowed);

#endif
