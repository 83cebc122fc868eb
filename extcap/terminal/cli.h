/* SPDX-License-Identifier: MIT */
/* The standalone front end: xdptap -i IF -w FILE, with the options of dumpcap. */
#ifndef XDPTAP_EXTCAP_TERMINAL_CLI_H
#define XDPTAP_EXTCAP_TERMINAL_CLI_H

#include <glib.h>
#include <stdbool.h>

/*
 * Executes the arguments, and prints everything but the final error. *ret_status is the status of the command that was
 * captured, and untouched without one.
 */
bool cli_run(int argc, char **argv, int *ret_status, GError **error);

#endif
