/* SPDX-License-Identifier: MIT */
/* Loaded XDP programs, ours and others': which ones an interface has, and what they are called. */
#ifndef XDPTAP_BPF_PROGRAM_H
#define XDPTAP_BPF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/point.h"

#define PROGRAM_NAME 64 /* bytes of a name, with its terminator */
#define PROGRAM_LIST 32 /* enough for an interface and its dispatcher */

struct tap_program {
	uint32_t id;		 /* 0: none */
	char name[PROGRAM_NAME]; /* complete if it has BTF; empty without the privilege to ask */
	char tag[17];		 /* hash over its instructions, in hexadecimal; or empty */
	enum tap_mode mode;	 /* native or generic */
	bool is_dispatched; /* libxdp's dispatcher calls it, in place of a function of its own */
	bool has_btf;
};

/*
 * The program on an interface, followed by those that it calls if it is libxdp's dispatcher; at most
 * "max". Returns how many, or -errno; an index of 0 is no interface.
 */
int program_list(unsigned int ifindex, struct tap_program *ret, size_t max);
/* A descriptor of the program, or -errno: -EPERM without CAP_SYS_ADMIN. */
int program_open(uint32_t id);
/* The ID of our own program; 0: unknown. */
uint32_t program_id(int fd);
/* Fills in all but the mode. 0 or -errno. */
int program_describe(int fd, struct tap_program *ret);

#endif
