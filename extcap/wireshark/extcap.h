/* SPDX-License-Identifier: MIT */
/* The front end for Wireshark: extcap(4), as Wireshark and tshark implement it. */
#ifndef XDPTAP_EXTCAP_WIRESHARK_EXTCAP_H
#define XDPTAP_EXTCAP_WIRESHARK_EXTCAP_H

#include <glib.h>
#include <stdbool.h>

/* Whether these arguments come from Wireshark. */
bool extcap_is_meant(int argc, char **argv);
/* Executes them: prints sentences on stdout, or captures into the FIFO. */
bool extcap_run(int argc, char **argv, GError **error);

#endif
