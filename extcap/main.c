/* SPDX-License-Identifier: MIT */
/*
 * One binary with two faces: an extcap when Wireshark calls, else a capture tool for the terminal.
 * The only place that prints errors and decides the exit status. No locale is set: what we print is
 * read by programs as often as by people.
 */
#include <stdio.h>

#include "extcap/cli.h"
#include "extcap/error.h"
#include "extcap/extcap.h"

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	bool ok;

	ok = extcap_is_meant(argc, argv) ? extcap_run(argc, argv, &error)
					 : cli_run(argc, argv, &error);
	if (ok)
		return 0;
	fprintf(stderr, "xdptap: %s\n", error->message);
	return error_exit_status(error);
}
