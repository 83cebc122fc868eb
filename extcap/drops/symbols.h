/* SPDX-License-Identifier: MIT */
/* The functions of the running kernel by their addresses, from /proc/kallsyms. */
#ifndef XDPTAP_EXTCAP_DROPS_SYMBOLS_H
#define XDPTAP_EXTCAP_DROPS_SYMBOLS_H

#include <stdint.h>

/*
 * Reads them, once and before the sandbox. Without CAP_SYSLOG the kernel may hide the addresses: then no
 * function is found.
 */
void symbols_load(void);
/* The function that a call at this return address is in, or NULL. */
const char *symbols_find(uint64_t return_address);

#endif
