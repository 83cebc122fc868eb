/* SPDX-License-Identifier: MIT */
/* The standalone face: xdptap -i IF -w FILE, spoken like dumpcap. */
#ifndef XDPTAP_EXTCAP_TERMINAL_CLI_H
#define XDPTAP_EXTCAP_TERMINAL_CLI_H

#include <glib.h>
#include <stdbool.h>

/* Does what the arguments ask; every message but the final error is printed here. */
bool cli_run(int argc, char **argv, GError **error);

#endif
