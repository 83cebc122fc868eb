/* SPDX-License-Identifier: MIT */
/*
 * Which TLS connections begin and end, by the frames of a capture: secrets of those that have ended are not
 * needed in later files. Nothing is known of one whose ClientHello was not captured, or which runs over QUIC.
 */
#ifndef XDPTAP_EXTCAP_SECRETS_CONNECTIONS_H
#define XDPTAP_EXTCAP_SECRETS_CONNECTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNECTIONS_MAX 65536 /* that are followed at a time; beyond that, all are forgotten */

struct connections;

struct connections *connections_new(void);
void connections_free(struct connections *c);
/*
 * Looks at a captured frame, which is not trusted. Returns the connection's id if it is a ServerHello:
 * Wireshark decrypts what follows only if it knows the secrets by then. NULL otherwise; owned by `c`, until
 * the next call.
 */
const char *connections_see(struct connections *c, uint16_t linktype, const uint8_t *frame,
			    gsize caplen);
/*
 * Whether the connection with this id (as in the key log, in lower case) had ended when the file before
 * this one ended: retransmissions may follow the end of a connection, in the next file.
 */
bool connections_is_over(const struct connections *c, const char *id);
/* Another file begins. */
void connections_next_file(struct connections *c);

#endif
