/* SPDX-License-Identifier: MIT */
/*
 * One binary with two front ends: an extcap when Wireshark calls it, else a capture tool for the
 * terminal. Only this file prints errors and decides the exit status. It sets no locale, because
 * programs read our output as often as people do.
 */
#include "extcap/terminal/cli.h"
#include "extcap/terminal/console.h"
#include "extcap/system/error.h"
#include "extcap/system/log.h"
#include "extcap/wireshark/extcap.h"

#define SENTENCE_MAX 290 /* bytes, without our name: Wireshark shows that much well */

/* One line, safe for any terminal whatever names the sentence quotes. */
static void print_error(const GError *error)
{
	g_autofree char *text = console_text(error->message), *line = NULL;
	const char *end = text;

	while (*end && g_utf8_next_char(end) - text <= SENTENCE_MAX)
		end = g_utf8_next_char(end);
	line = g_strdup_printf("xdptap: %.*s\n", (int)(end - text), text);
	console_print(line, CONSOLE_PATIENCE_MS);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int status = 0;
	bool ok;

	log_init();
	console_init();
	ok = extcap_is_meant(argc, argv) ? extcap_run(argc, argv, &error)
					 : cli_run(argc, argv, &status, &error);
	if (ok)
		return status;
	print_error(error);
	return error_exit_status(error);
}
