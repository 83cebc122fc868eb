/* SPDX-License-Identifier: MIT */
/* The PTP hardware clock (PHC) of a NIC, which stamps the frames that it receives. */
#ifndef XDPTAP_EXTCAP_NET_NIC_PHC_H
#define XDPTAP_EXTCAP_NET_NIC_PHC_H

#include "extcap/net/link.h"

/*
 * Opens the PHC of an interface. Returns a descriptor, owned by the caller; or -1 with *error: there is
 * no PHC, it does not stamp frames (a setting of the NIC, which is left as it is), or access is denied.
 */
int phc_open(const struct link *i, GError **error);

#endif
