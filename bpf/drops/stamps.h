/* SPDX-License-Identifier: MIT */
/* Has the kernel note in each packet when it received it; identity.bpf.h says what for. */
#ifndef XDPTAP_BPF_DROPS_STAMPS_H
#define XDPTAP_BPF_DROPS_STAMPS_H

#include <stdbool.h>
#include <stdint.h>

struct stamps {
	int fd; /* of a socket that asks for them; -1: none */
	uint64_t secret[2];
};

#define STAMPS_OFF                                                                                 \
	(struct stamps)                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * From now on, or a moment later, until stamps_done(). It takes the kernel a look at the clock for each packet of
 * all interfaces. False if it cannot be had.
 */
bool stamps_start(struct stamps *s);
void stamps_done(struct stamps *s);

#endif
