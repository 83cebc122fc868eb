/* SPDX-License-Identifier: MIT */
/*
 * One binary with two faces: an extcap when Wireshark calls, else a capture tool for the terminal.
 * The only place that prints errors and decides the exit status. No locale is set: what we print is
 * read by programs as often as by people.
 */
#include <stdio.h>

#include "extcap/terminal/cli.h"
#include "extcap/system/error.h"
#include "extcap/wireshark/extcap.h"

#define SENTENCE_MAX 290 /* bytes, without our name before it: Wireshark shows that well */

/* One line for any terminal, whatever names the sentence quotes. */
static void print_error(const GError *error)
{
	g_autofree char *text = g_utf8_make_valid(error->message, -1);
	const char *end = text;

	for (char *p = text; *p; p++)
		if (g_ascii_iscntrl(*p))
			*p = '?';
	while (*end && g_utf8_next_char(end) - text <= SENTENCE_MAX)
		end = g_utf8_next_char(end);
	fprintf(stderr, "xdptap: %.*s\n", (int)(end - text), text);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	bool ok;

	ok = extcap_is_meant(argc, argv) ? extcap_run(argc, argv, &error)
					 : cli_run(argc, argv, &error);
	if (ok)
		return 0;
	print_error(error);
	return error_exit_status(error);
}
