/* SPDX-License-Identifier: MIT */
/* What files and logs say of the machine, and of the program that made them. */
#ifndef XDPTAP_EXTCAP_SYSTEM_HOST_H
#define XDPTAP_EXTCAP_SYSTEM_HOST_H

/* "AMD EPYC 7763 64-Core Processor", or "aarch64" where no model is named; caller frees. */
char *host_hardware(void);
/* "Linux 6.1.0-18-amd64"; caller frees. */
char *host_os(void);
/* A line each for the program, its library and libbpf; static. */
const char *host_versions(void);

#endif
