/* SPDX-License-Identifier: MIT */
/* Why a call failed, in a sentence. */
#ifndef XDPTAP_BPF_XDPTAP_REFUSAL_H
#define XDPTAP_BPF_XDPTAP_REFUSAL_H

#include "bpf/device/device.h"
#include "bpf/point.h"
#include "bpf/xdptap/journal.h"

/* Each returns a code, perhaps a better one. */
int refusal_of_open(struct journal *j, int code, size_t ring_size);
/* Of attaching at a point, or of replacing the filter there. */
int refusal_of_attach(struct journal *j, int code, const struct device *d,
		      const struct point *point, const struct xdptap_target *target);
int refusal_of_filter(struct journal *j, int code, size_t culprit);
int refusal_of_device(struct journal *j, int code, const char *name, uint32_t ifindex);
/* Of a device whose frames we cannot capture. */
int refusal_of_type(struct journal *j, const struct device *d);
/* Of a struct that sized_read() does not accept. */
int refusal_of_struct(struct journal *j, int code, const char *name);
/* Why an XDP program of ours cannot be attached, in `text`; false: nothing is known to be in the way. */
bool refusal_find_obstacle(const struct device *d, char *text, size_t size);

#endif
