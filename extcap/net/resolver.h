/* SPDX-License-Identifier: MIT */
/*
 * Host names in filters are looked up once: a filter means the same addresses on each interface and after each
 * change, and in another network namespace, where there may be no name server, or one that gives other answers.
 */
#ifndef XDPTAP_EXTCAP_NET_RESOLVER_H
#define XDPTAP_EXTCAP_NET_RESOLVER_H

#include <stdbool.h>

/* From now on, only names that were looked up before have addresses. */
void resolver_close(void);
/* Whether a name was refused for that reason, in this thread, since the last call. */
bool resolver_has_refused(void);

#endif
