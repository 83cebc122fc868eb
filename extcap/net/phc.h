/* SPDX-License-Identifier: MIT */
/* The clock of a network card, by which it says when it received a frame. */
#ifndef XDPTAP_EXTCAP_NET_PHC_H
#define XDPTAP_EXTCAP_NET_PHC_H

#include "extcap/net/link.h"

/*
 * Opens the clock of an interface's card. The descriptor, owned by the caller; or -1 and a sentence:
 * there is none, it does not stamp frames now (that is the card's setting, which is not touched), or it
 * may not be read.
 */
int phc_open(const struct link *i, GError **error);

#endif
