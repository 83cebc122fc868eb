/* SPDX-License-Identifier: MIT */
/* The list of capture points. */
#include <stddef.h>

#include "bpf/point.h"

extern const struct point point_xdp;

const struct point *const points[] = { &point_xdp, NULL };
