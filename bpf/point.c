/* SPDX-License-Identifier: MIT */
/* The table of capture points, and how to find a row in it. */
#include <stddef.h>
#include <string.h>

#include "bpf/point.h"
#include "bpf/wire.h"

_Static_assert((int)POINT_AT_ENTRY == (int)WIRE_AT_ENTRY, "the two enums differ");
_Static_assert((int)POINT_AT_EXIT == (int)WIRE_AT_EXIT, "the two enums differ");
_Static_assert((int)POINT_AT_BOTH == (int)WIRE_AT_BOTH, "the two enums differ");

#define ROW(name) &point_##name,
const struct point *const points[] = { POINTS(ROW) NULL };

const struct point *point_find(const char *name)
{
	for (size_t i = 0; points[i]; i++)
		if (strcmp(points[i]->name, name) == 0)
			return points[i];
	return NULL;
}

const struct point *point_choose(const char *choice, bool is_egress)
{
	const struct point *first = NULL;

	for (size_t i = 0; points[i]; i++) {
		if (points[i]->is_egress != is_egress)
			continue;
		if (choice && strcmp(points[i]->choice, choice) == 0)
			return points[i];
		if (!first)
			first = points[i];
	}
	return first;
}
