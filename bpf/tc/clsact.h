/* SPDX-License-Identifier: MIT */
/*
 * Our filter in the clsact qdisc of an interface, for kernels without tcx. It stays when the process is
 * killed: it has a handle of its own, so that the next start finds and removes a stale one, and a lock that
 * tells a stale one from one in use.
 */
#ifndef XDPTAP_BPF_CLSACT_H
#define XDPTAP_BPF_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

/* The program's name; the kernel keeps it with the filter. */
#define CLSACT_PROGRAM "tap_tc"

struct qdisc_filter;

struct clsact {
	unsigned int ifindex;
	bool is_egress;
	uint32_t handle, priority; /* of the filter */
	uint32_t program_id;	   /* that it runs */
	bool made_qdisc;	   /* the qdisc is a tap's */
	int lock_fd, made_fd;	   /* of the filter's lock and the qdisc's; -1 */
};

/*
 * Adds the filter, first on the way in and last on the way out, as far as others let it. 0; -EOPNOTSUPP: the
 * older qdisc "ingress" is there, which has no way out; or -errno.
 */
int clsact_add(int prog_fd, unsigned int ifindex, bool is_egress, struct clsact *ret);
/* Exchanges the filter's program. 0, -ENOENT: the filter is gone; or -errno. */
int clsact_replace(struct clsact *c, int prog_fd);
/* Removes the filter, and the qdisc if it is ours and nobody else uses it. */
void clsact_remove(struct clsact *c);
/* Closes the locks of a filter that is another process's now. After clsact_remove(): no-op. */
void clsact_close(struct clsact *c);
/* Whether the filter is there: somebody may have deleted it, or the qdisc and with it what hangs in it. */
bool clsact_is_in_place(const struct clsact *c);
/* Whether it is the filter of a tap, this one or another. */
bool clsact_is_taps(const struct qdisc_filter *f);

#endif
