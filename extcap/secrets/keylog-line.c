/* SPDX-License-Identifier: MIT */
/* What is not exactly such a line could be anything, a private key, and must not get into a capture. */
#include <string.h>

#include <glib.h>

#include "extcap/secrets/keylog-line.h"

/* Lengths are in hexadecimal digits. A label that ends in '_' is followed by a number. */
struct label {
	const char *name;
	size_t id, min, max;
	bool is_last;
};

#define TLS12	   KEYLOG_ID_LEN, 96, 96
#define TLS13	   KEYLOG_ID_LEN, 64, 128
#define ECH_CONFIG KEYLOG_ID_LEN, 8, 4096

/* [RFC 9850], and what NSS, OpenSSL and QUIC libraries have written before; Wireshark reads all of them. */
static const struct label labels[] = {
	{ "CLIENT_RANDOM", TLS12, true },
	{ "CLIENT_EARLY_TRAFFIC_SECRET", TLS13 },
	{ "EARLY_EXPORTER_MASTER_SECRET", TLS13 },
	{ "EARLY_EXPORTER_SECRET", TLS13 },
	{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", TLS13 },
	{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", TLS13 },
	{ "CLIENT_TRAFFIC_SECRET_", TLS13, true },
	{ "SERVER_TRAFFIC_SECRET_", TLS13 },
	{ "EXPORTER_SECRET", TLS13 },
	{ "ECH_SECRET", TLS13 },
	{ "ECH_CONFIG", ECH_CONFIG },
	{ "QUIC_CLIENT_EARLY_TRAFFIC_SECRET", TLS13 },
	{ "QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET", TLS13 },
	{ "QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET", TLS13 },
	{ "QUIC_CLIENT_TRAFFIC_SECRET_", TLS13 },
	{ "QUIC_SERVER_TRAFFIC_SECRET_", TLS13 },
	{ "PMS_CLIENT_RANDOM", KEYLOG_ID_LEN, 2, 1024 },
	{ "RSA", 16, 96, 96 },
};

static bool is_numbered(const char *text, size_t len, const char *name)
{
	size_t prefix = strlen(name);

	if (name[prefix - 1] != '_')
		return len == prefix;
	if (len == prefix || len > prefix + 9)
		return false;
	for (size_t i = prefix; i < len; i++)
		if (!g_ascii_isdigit(text[i]))
			return false;
	return true;
}

static const struct label *find_label(const char *text, size_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(labels); i++)
		if (strncmp(text, labels[i].name, strlen(labels[i].name)) == 0 &&
		    is_numbered(text, len, labels[i].name))
			return &labels[i];
	return NULL;
}

/* The number of hexadecimal digits that text begins with. */
static size_t count_digits(const char *text, const char *end)
{
	size_t n = 0;

	while (text + n < end && g_ascii_isxdigit(text[n]))
		n++;
	return n;
}

bool keylog_line_parse(const char *text, size_t len, struct keylog_line *ret)
{
	const char *end = text + len, *space = memchr(text, ' ', len), *secret;
	const struct label *label = space ? find_label(text, (size_t)(space - text)) : NULL;
	size_t n;

	if (!label || count_digits(space + 1, end) != label->id)
		return false;
	ret->id = space + 1;
	ret->id_len = label->id;
	ret->is_last = label->is_last;
	secret = ret->id + label->id;
	if (secret == end || *secret++ != ' ')
		return false;
	n = count_digits(secret, end);
	return secret + n == end && n % 2 == 0 && n >= label->min && n <= label->max;
}
