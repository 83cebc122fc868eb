/* SPDX-License-Identifier: MIT */
/* Where a caller wants to capture, checked and translated into the terms of bpf/tap.h. */
#ifndef XDPTAP_BPF_XDPTAP_PLACE_H
#define XDPTAP_BPF_XDPTAP_PLACE_H

#include "bpf/device/device.h"
#include "bpf/tap.h"
#include "bpf/xdptap/journal.h"

struct place {
	struct xdptap_target wanted;
	struct device device;
	uint32_t linktype;
	struct sock_filter *filter;
	struct tap_target target;
	enum tap_mode mode; /* after place_attach(): that of the program */
};

/* The point of bpf/ for one of ours; NULL: there is none, or it is AUTO. */
const struct point *place_point(enum xdptap_point point);
/* The reverse; of a point that we do not have, AUTO. */
enum xdptap_point place_name(const struct point *point);
/*
 * A checked copy in the type of bpf/, which must be freed; NULL without a filter. 0, or a failure with the
 * instruction at fault in *ret_culprit.
 */
int place_copy_filter(struct journal *j, const struct xdptap_insn *filter, size_t n,
		      struct sock_filter **ret, size_t *ret_culprit);
/* 0, or a failure; place_done() must follow in any case. */
int place_init(struct place *p, struct journal *j, const struct xdptap_target *target);
void place_done(struct place *p);
/* Attaches to the first point that can capture there: target.point then. 0 or a failure. */
int place_attach(struct place *p, struct journal *j, struct tap *tap);

#endif
