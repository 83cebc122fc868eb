/* SPDX-License-Identifier: MIT */
/*
 * A line of an SSLKEYLOGFILE [RFC 9850]: "LABEL ID SECRET", where ID names the connection by the random
 * number of its ClientHello, in hexadecimal.
 */
#ifndef XDPTAP_EXTCAP_SECRETS_KEYLOG_LINE_H
#define XDPTAP_EXTCAP_SECRETS_KEYLOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define KEYLOG_LINE_MAX 8192 /* bytes, without its end */
#define KEYLOG_ID_LEN	64   /* of a connection: 32 bytes; an RSA secret has a shorter one */

/* The parts of a line, which point into it. */
struct keylog_line {
	const char *id;
	size_t id_len;
	bool is_last; /* OpenSSL and others log nothing after it that the handshake needs */
};

/* Whether these bytes, without the line's end, are one line with a secret, and nothing else. */
bool keylog_line_parse(const char *text, size_t len, struct keylog_line *ret);

#endif
