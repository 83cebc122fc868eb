/* SPDX-License-Identifier: MIT */
/* The system calls that a capture may still make once its programs are in place. */
#ifndef XDPTAP_EXTCAP_SANDBOX_H
#define XDPTAP_EXTCAP_SANDBOX_H

#include "extcap/privileges.h"

/*
 * Leaves to all threads of this process, for good, the system calls that "need" speaks of: any other
 * fails with ENOSYS. Takes no_new_privs. Where the kernel has no filter for them the log says so.
 */
void sandbox_enter(const struct privileges_need *need);

#endif
