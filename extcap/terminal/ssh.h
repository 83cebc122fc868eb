/* SPDX-License-Identifier: MIT */
/* Warns of a capture that contains the ssh connection which carries its output. */
#ifndef XDPTAP_EXTCAP_TERMINAL_SSH_H
#define XDPTAP_EXTCAP_TERMINAL_SSH_H

#include "extcap/config/options.h"

/*
 * Returns a warning with a filter that excludes our ssh connection ($SSH_CONNECTION). NULL if the capture
 * does not contain it, or does not write to standard output. Owned by the caller.
 */
char *ssh_warning(const struct config *config);

#endif
