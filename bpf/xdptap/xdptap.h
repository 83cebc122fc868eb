/* SPDX-License-Identifier: MIT */
/* The tap behind the public header: that of bpf/tap.h, and what this library adds to it. */
#ifndef XDPTAP_BPF_XDPTAP_XDPTAP_H
#define XDPTAP_BPF_XDPTAP_XDPTAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "bpf/tap.h"
#include "bpf/xdptap/journal.h"

/* What belongs to one id, which is also a slot of bpf/tap.h. */
struct entry {
	const struct point *point;
	enum tap_mode mode;
	uint32_t linktype;
};

struct xdptap {
	struct tap *tap;
	pid_t pid; /* of the process that opened it */
	struct journal journal;
	int wait_fd;  /* epoll over the tap's descriptor and the timer: the one that callers poll */
	int timer_fd; /* when to drain although nothing wakes us */
	int promiscuous_fd; /* a packet socket; -1: none */
	int wait_ms;	    /* what the timer was set to; -1: nothing */
	bool is_draining;
	bool has_ended;
	struct entry *entries;
	uint32_t n_entries;

	/* While a batch is given out: */
	xdptap_frames_fn fn;
	void *user;
	int result; /* of fn; 0: go on */
	uint64_t given;
	struct xdptap_frame frames[TAP_FRAMES];
};

/* Whether this process may use the tap: 0, or the failure -ECHILD. */
int xdptap_check(struct xdptap *t);
/* The same for an id that it has, or the failure -EINVAL. */
int xdptap_check_id(struct xdptap *t, uint32_t id);

#endif
