/* SPDX-License-Identifier: MIT */
/* Network namespaces, as ip-netns(8) names them. */
#ifndef XDPTAP_EXTCAP_NET_NETNS_H
#define XDPTAP_EXTCAP_NET_NETNS_H

#include <glib.h>
#include <stdbool.h>

/*
 * Moves this process into another network namespace for good, given by its "ip netns" name, by a path,
 * or by the PID of a process in it. Open sockets stay in their namespace.
 */
bool netns_enter(const char *which, GError **error);

#endif
