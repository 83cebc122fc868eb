/* SPDX-License-Identifier: MIT */
/* A capture from the command line, for a person at a terminal or a service manager. */
#ifndef XDPTAP_EXTCAP_TERMINAL_STANDALONE_H
#define XDPTAP_EXTCAP_TERMINAL_STANDALONE_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"

bool standalone_run(const struct config *config, GError **error);

#endif
