/* SPDX-License-Identifier: MIT */
/*
 * The engine: one capture from start to end. Both front ends build a configuration and call
 * capture_run(); they differ in what they tell the user meanwhile, and in what the user may change.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_CAPTURE_H
#define XDPTAP_EXTCAP_CAPTURE_CAPTURE_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/capture/front-end.h"
#include "extcap/config/options.h"

/*
 * Captures as "config" says until a signal, a stop condition, the end of the reader or a failure. True
 * if it ended as it should (also when the reader went away); else *error has the sentence.
 */
bool capture_run(const struct config *config, const struct capture_front_end *front_end,
		 GError **error);

#endif
