/* SPDX-License-Identifier: MIT */
/* Whether a capture captures the ssh connection that carries its own output. */
#ifndef XDPTAP_EXTCAP_TERMINAL_SSH_H
#define XDPTAP_EXTCAP_TERMINAL_SSH_H

#include "extcap/config/options.h"

/*
 * A sentence with the filter that leaves our ssh connection ($SSH_CONNECTION) out; NULL if the capture
 * does not see it or does not write to standard output. Owned by the caller.
 */
char *ssh_warning(const struct config *config);

#endif
