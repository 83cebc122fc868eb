/* SPDX-License-Identifier: MIT */
/* A capture from the command line, for a person at a terminal or a service manager. */
#ifndef XDPTAP_EXTCAP_TERMINAL_STANDALONE_H
#define XDPTAP_EXTCAP_TERMINAL_STANDALONE_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"
#include "extcap/terminal/command.h"

/* Whether the options are complete and go together; nothing is opened. */
bool standalone_check(const struct config *config, GError **error);
/* Captures, with options that standalone_check() accepts, and follows a command, if there is one. */
bool standalone_run(const struct config *config, struct command *command, GError **error);

#endif
