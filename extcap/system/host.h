/* SPDX-License-Identifier: MIT */
/* The machine and the program, as files and logs describe them. */
#ifndef XDPTAP_EXTCAP_SYSTEM_HOST_H
#define XDPTAP_EXTCAP_SYSTEM_HOST_H

/* "AMD EPYC 7763 64-Core Processor", or "aarch64" if the kernel names no model; caller frees. */
char *host_hardware(void);
/* "Linux 6.1.0-18-amd64"; caller frees. */
char *host_os(void);
/* One line each for the program, its library and libbpf; static. */
const char *host_versions(void);

#endif
