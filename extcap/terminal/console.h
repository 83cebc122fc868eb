/* SPDX-License-Identifier: MIT */
/* Messages on standard error. A slow reader never holds up a capture. */
#ifndef XDPTAP_EXTCAP_TERMINAL_CONSOLE_H
#define XDPTAP_EXTCAP_TERMINAL_CONSOLE_H

#include <glib.h>

#define CONSOLE_PATIENCE_MS 500 /* for messages at the end, which are not repeated */

/* Opens /dev/null where standard descriptors are closed; first call of the program. */
void console_init(void);
/*
 * Prints to standard error. Waits at most wait_ms for its reader, and drops what the reader has not
 * accepted by then.
 */
void console_print(const char *text, int wait_ms);
/* Returns the text with '?' in place of anything that could control a terminal; owned by the caller. */
char *console_text(const char *text);

#endif
