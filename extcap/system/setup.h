/* SPDX-License-Identifier: MIT */
/* What an administrator has to do once, for this very file, and where the help page is. */
#ifndef XDPTAP_EXTCAP_SYSTEM_SETUP_H
#define XDPTAP_EXTCAP_SYSTEM_SETUP_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/* The capture was refused for want of privilege: which it is, and the line that grants it. False. */
bool setup_explain(GError **error);
/* Writes the commands that let the members of a group capture; sh(1) can run them. */
void setup_print(FILE *to);
/* URL of the help page, in the build folder or installed; NULL: there is none. Owned by the caller. */
char *setup_help(void);

#endif
