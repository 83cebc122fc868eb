/* SPDX-License-Identifier: MIT */
/*
 * Errors of the program: a sentence for the user and an exit status. The code that knows what the user
 * wanted creates them; only main() prints them.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_ERROR_H
#define XDPTAP_EXTCAP_SYSTEM_ERROR_H

#include <glib.h>
#include <stdbool.h>

#define XDPTAP_ERROR xdptap_error_quark()

enum xdptap_error {
	XDPTAP_ERROR_FAILED = 1, /* the capture failed; also the exit status */
	XDPTAP_ERROR_USAGE = 2,	 /* the command line is wrong; also the exit status */
};

GQuark xdptap_error_quark(void);

/* Both set *error to the sentence and return false, so that a caller can fail in one statement. */
bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool fail_usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, followed by ": " and the text of an errno value (positive). */
bool fail_errno(GError **error, int err, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* 2 for a wrong command line, else 1. */
int error_exit_status(const GError *error);

#endif
