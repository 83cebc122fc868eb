/* SPDX-License-Identifier: MIT */
/*
 * The filter for an interface that joins: libpcap may need minutes for one, and the rings have to be read
 * meanwhile. So it is compiled in a thread, for one interface at a time.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_READY_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_READY_H

#include <stdbool.h>

#include "extcap/capture/filter.h"
#include "extcap/net/link.h"

struct ready {
	struct filter_job *job; /* NULL: none is under way */
	struct filter *filter;	/* which one learns the result */
	struct filter_place place;
};

/* Whether the filter for an interface is there, or it is known that there can be none; else it will be. */
bool ready_for(struct ready *r, struct filter *filter, const struct link *i);
/* Whether something is being compiled. */
bool ready_is_busy(const struct ready *r);
void ready_done(struct ready *r);

#endif
