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

/* What a program on another device does to frames before tc on this one. */
enum xdp_obstacle {
	XDP_OBSTACLE_EARLIER, /* it may drop or redirect them */
	XDP_OBSTACLE_LATER,   /* nothing: it runs after tc */
	XDP_OBSTACLE_TAP,     /* nothing: it is a tap's */
};

/*
 * The kernel refuses a program where a device above has one, and a bond refuses a native one where a port
 * has one. Describes such a program and its device as the subject of a sentence, "\"br0\", which \"eth0\"
 * belongs to, has XDP program 12 \"my_firewall\""; NULL: none in this network namespace.
 */
char *xdp_programs_in_the_way(const struct link *i, enum xdp_obstacle *ret_kind);

/* A program that can be traced. */
struct xdp_program {
	char value[11];	   /* its ID */
	char display[128]; /* label in the dialog */
};

/* Returns the programs on the named interface, as struct xdp_program *; empty if it does not exist. */
GPtrArray *xdp_programs_list(const char *name);

#endif
