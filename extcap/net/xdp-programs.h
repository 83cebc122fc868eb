/* SPDX-License-Identifier: MIT */
/* The XDP programs on an interface, in words and as choices. */
#ifndef XDPTAP_EXTCAP_NET_XDP_PROGRAMS_H
#define XDPTAP_EXTCAP_NET_XDP_PROGRAMS_H

#include <glib.h>

#include "extcap/net/link.h"

/*
 * Describes the attached XDP program, "12 my_firewall native"; the name requires privilege. The
 * programs that libxdp's dispatcher calls follow: ", 14 mine, 17 other". NULL: none.
 */
char *xdp_programs_text(const struct link *i);

/* A program that can be traced. */
struct xdp_program {
	char value[11];	   /* its ID */
	char display[128]; /* label in the dialog */
};

/* Returns the programs on the named interface, as struct xdp_program *; empty if it does not exist. */
GPtrArray *xdp_programs_list(const char *name);

#endif
