/* SPDX-License-Identifier: MIT */
/* The PTP hardware clock (PHC) of a NIC, which stamps the frames that it receives. */
#ifndef XDPTAP_BPF_DEVICE_PHC_H
#define XDPTAP_BPF_DEVICE_PHC_H

#include <stdbool.h>

/* Returns N of /dev/ptpN, whose time received frames can be stamped with; -1: there is none. */
int phc_find(const char *name);
/* Whether received frames are not stamped now. Only some drivers report it. */
bool phc_is_off(const char *name);

#endif
