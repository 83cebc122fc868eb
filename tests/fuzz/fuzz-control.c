/* SPDX-License-Identifier: MIT */
/*
 * fuzz-control.c - any bytes, read in chunks of any size, decode to the same messages
 *
 * The first byte is the size of the chunks, the rest is what Wireshark writes. Each decoded message
 * is encoded again and must decode to itself.
 */
#include <glib.h>
#include <string.h>

#include "extcap/wireshark/control.h"
#include "tests/fuzz/target.h"

static void on_message(void *user, const struct control_message *m)
{
	static uint8_t again[6 + CONTROL_PAYLOAD_MAX];
	size_t n = control_format(again, sizeof(again), m);

	g_assert_cmpuint(m->len, <=, CONTROL_PAYLOAD_MAX);
	g_assert_cmpuint(n, ==, 6 + m->len);
	g_byte_array_append(user, again, (guint)n);
}

/* All messages, encoded again, one after another. */
static GByteArray *parse(const uint8_t *data, size_t len, size_t chunk)
{
	g_autofree struct control_parser *p = g_new0(struct control_parser, 1);
	GByteArray *all = g_byte_array_new();

	for (size_t at = 0; at < len; at += chunk)
		control_parse(p, data + at, MIN(chunk, len - at), on_message, all);
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	g_autoptr(GByteArray) complete = NULL, chunks = NULL, again = NULL;

	if (!len)
		return 0;
	complete = parse(data + 1, len - 1, len);
	chunks = parse(data + 1, len - 1, (size_t)data[0] + 1);
	g_assert_cmpmem(complete->data, complete->len, chunks->data, chunks->len);
	again = parse(complete->data, complete->len, (size_t)data[0] + 1);
	g_assert_cmpmem(complete->data, complete->len, again->data, again->len);
	return 0;
}
