/* SPDX-License-Identifier: MIT */
/* The capture filter: pcap-filter(7) expressions, as libpcap understands them. */
#ifndef XDPTAP_EXTCAP_FILTER_H
#define XDPTAP_EXTCAP_FILTER_H

#include <glib.h>
#include <stdbool.h>

/* Whether the expression is one for that linktype; else *error has libpcap's words. */
bool filter_check(const char *expression, int linktype, GError **error);

#endif
