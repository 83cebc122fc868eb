/* SPDX-License-Identifier: MIT */
/* The one-time setup of this executable by an administrator, and the help page. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SETUP_H
#define XDPTAP_EXTCAP_SYSTEM_SETUP_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/* Sets *error to the missing privilege and the command that grants it. Returns false. */
bool setup_explain(GError **error);
/* Prints the commands that let the members of a group capture, and Wireshark find us, for sh(1). */
void setup_print(FILE *to);
/* The URL of the help page, in the build folder or installed; NULL: none. Owned by the caller. */
char *setup_help(void);

#endif
