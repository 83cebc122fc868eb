/* SPDX-License-Identifier: MIT */
/* Network namespaces, as ip-netns(8) names them. */
#ifndef XDPTAP_EXTCAP_NET_NETNS_H
#define XDPTAP_EXTCAP_NET_NETNS_H

#include <glib.h>
#include <stdbool.h>

/*
 * Puts this process into another network namespace for good: a name as "ip netns" knows it, a path, or
 * the id of a process that is in it. Sockets that are open stay where they are.
 */
bool netns_enter(const char *which, GError **error);

#endif
