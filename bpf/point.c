/* SPDX-License-Identifier: MIT */
/* The list of capture points. */
#include <stddef.h>

#include "bpf/point.h"

const struct point *const points[] = { &point_xdp, &point_tc_ingress, &point_tc_egress,
				       &point_trace, NULL };
