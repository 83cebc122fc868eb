/* SPDX-License-Identifier: MIT */
#ifndef XDPTAP_EXTCAP_PROCESS_UNIT_H
#define XDPTAP_EXTCAP_PROCESS_UNIT_H

#include <stdbool.h>

/* Whether this is the name of a systemd unit that has processes, with its suffix. */
bool unit_is(const char *name);
/*
 * What a cgroup's name, the last part of its path, says about a process: "unit ssh.service", "container
 * 0123456789ab", or "cgroup NAME". NULL: nothing. Owned by the caller.
 */
char *unit_text(const char *name);

#endif
