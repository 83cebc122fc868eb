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

/* A program on another device, and what it does to frames before tc on this one. */
struct xdp_obstacle {
	unsigned int ifindex; /* of that device; 0: unknown */
	bool is_taps;	      /* it hides nothing. Only CAP_SYS_ADMIN can tell */
	bool is_later;	      /* it runs after tc */
};

/*
 * The kernel refuses a program where a device above has one, and a bond refuses a native one where a port
 * has one. Describes such a program and its device as the subject of a sentence, "\"br0\", which \"eth0\"
 * belongs to, has XDP program 12 \"my_firewall\""; NULL: none in this network namespace, and *ret is untouched.
 */
char *xdp_programs_in_the_way(const struct link *i, struct xdp_obstacle *ret);

/* A program that can be traced. */
struct xdp_program {
	char value[11];	   /* its ID */
	char display[128]; /* label in the dialog */
};

/* Returns the programs on the named interface, as struct xdp_program *; empty if it does not exist. */
GPtrArray *xdp_programs_list(const char *name);

#endif
