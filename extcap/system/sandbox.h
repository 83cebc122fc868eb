/* SPDX-License-Identifier: MIT */
/* The system calls that a capture may make once its programs are attached. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SANDBOX_H
#define XDPTAP_EXTCAP_SYSTEM_SANDBOX_H

/* What a capture may do besides reading its rings and writing to open files. */
enum {
	SANDBOX_READING = 1 << 0, /* existing files; a thread that writes to an open one */
	SANDBOX_FILES = 1 << 1,	  /* create, rename and delete files; threads that write them */
	SANDBOX_NETLINK = 1 << 2, /* look for and detach a tc program */
	SANDBOX_FILTERS = 1 << 3, /* load a program, and resolve names in its filter */
	SANDBOX_RINGS = 1 << 4,	  /* create a ring */
};

/*
 * Restricts all threads of this process, for good, to the system calls that such a capture needs; any
 * other fails with ENOSYS. Requires no_new_privs. If the kernel has no seccomp filters, the log says so.
 */
void sandbox_enter(unsigned int allowed);

#endif
