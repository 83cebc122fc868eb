/* SPDX-License-Identifier: MIT */
/* Standard error as a place for people: nobody who reads it slowly holds up a capture. */
#ifndef XDPTAP_EXTCAP_TERMINAL_CONSOLE_H
#define XDPTAP_EXTCAP_TERMINAL_CONSOLE_H

#include <glib.h>

#define CONSOLE_PATIENCE_MS 500 /* for what is printed only once, at the end */

/* Opens /dev/null where standard descriptors are closed; first call of the program. */
void console_init(void);
/*
 * Prints to standard error. Waits at most wait_ms for its reader, and drops what the reader does not
 * take by then.
 */
void console_print(const char *text, int wait_ms);
/* The text with '?' for whatever could control a terminal; owned by the caller. */
char *console_text(const char *text);

#endif
