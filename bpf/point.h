/* SPDX-License-Identifier: MIT */
/*
 * Capture points: the places in the kernel where a tap can be put. points[] is the only list of
 * them; each is a pair <name>.bpf.c (the program) and point-<name>.c (how it gets there).
 */
#ifndef XDPTAP_BPF_POINT_H
#define XDPTAP_BPF_POINT_H

#include <stdbool.h>

#include "bpf/wire.h"

struct maps;

/* How an XDP program is attached. */
enum tap_mode {
	TAP_MODE_AUTO,	  /* native, and generic where the driver refuses that */
	TAP_MODE_NATIVE,  /* in the driver, before a socket buffer exists */
	TAP_MODE_GENERIC, /* in the stack's receive path: works on every device */
};

struct point_target {
	unsigned int ifindex;
	enum tap_mode mode;
	struct wire_config config;
	const struct maps *maps;
};

/* A program in place. It goes away when link_fd is closed, so also when the process dies. */
struct point_link {
	void *skeleton;
	int link_fd;
	enum tap_mode mode; /* native or generic, as it came to be; auto where that means nothing */
};

struct point {
	const char *name;  /* as users type it */
	const char *about; /* for the dialog */
	/*
	 * Loads the program and puts it in place. 0; -EPERM: privilege is missing; -EBUSY: somebody
	 * else's program is there (it is left alone); -EOPNOTSUPP: this device or kernel cannot;
	 * -ENODEV: no such interface; or another -errno. *ret is to be detached only after 0.
	 */
	int (*attach)(const struct point_target *target, struct point_link *ret);
	void (*detach)(struct point_link *link);
};

extern const struct point *const points[]; /* NULL at the end */

#endif
