/* SPDX-License-Identifier: MIT */
/* What a capture file says of the machine it was made on. */
#ifndef XDPTAP_EXTCAP_SYSTEM_HOST_H
#define XDPTAP_EXTCAP_SYSTEM_HOST_H

/* "AMD EPYC 7763 64-Core Processor", or "aarch64" where no model is named; caller frees. */
char *host_hardware(void);
/* "Linux 6.1.0-18-amd64"; caller frees. */
char *host_os(void);

#endif
