/* SPDX-License-Identifier: MIT */
/* XDP programs that are loaded, whoever's they are: which are on an interface, and what they are called. */
#ifndef XDPTAP_BPF_PROGRAM_H
#define XDPTAP_BPF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/point.h"

#define PROGRAM_NAME 64 /* bytes of a name, at most */
#define PROGRAM_LIST 32 /* room for those on one interface, with those behind a dispatcher */

struct tap_program {
	uint32_t id; /* 0: none */
	char name
		[PROGRAM_NAME]; /* whole where it has BTF; empty where we may not ask (privilege) */
	char tag[17];		/* a hash over its instructions, in hexadecimal; or empty */
	enum tap_mode mode;	/* native or generic */
	bool is_behind; /* libxdp's dispatcher calls it: it stands in for a function there */
	bool has_btf;
};

/*
 * The program on an interface, and behind it those that libxdp's dispatcher calls; at most "max".
 * How many, or -errno.
 */
int program_list(unsigned int ifindex, struct tap_program *ret, size_t max);
/* A descriptor of the program, or -errno: -EPERM where privilege (CAP_SYS_ADMIN) is missing. */
int program_open(uint32_t id);
/* Fills in what the kernel tells of it, but for the mode. 0 or -errno. */
int program_describe(int fd, struct tap_program *ret);

#endif
