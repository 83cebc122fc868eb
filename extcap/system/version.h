/* SPDX-License-Identifier: MIT */
/* Which versions of what this is made of. */
#ifndef XDPTAP_EXTCAP_SYSTEM_VERSION_H
#define XDPTAP_EXTCAP_SYSTEM_VERSION_H

/* A line each for the program, its library and libbpf; static. */
const char *version_text(void);

#endif
