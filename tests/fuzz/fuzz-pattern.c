/* SPDX-License-Identifier: MIT */
/*
 * fuzz-pattern.c - a pattern recognizes the names made from it, and handles any other text safely
 *
 * The input is the pattern, a newline, and a name.
 */
#include <glib.h>

#include "pcapng/folder/pattern.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	g_autofree char *text = g_strndup((const char *)data, len);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 2);
	struct pattern p = { 0 };
	char name[NAME_MAX + 1];
	uint32_t seq = 0;

	if (lines[0] && pattern_init(&p, "cap.pcapng", lines[0]) == 0) {
		pattern_format(&p, 123, 1795406400, name);
		g_assert_true(pattern_matches(&p, name, &seq));
		g_assert_cmpuint(seq, ==, 123);
		if (lines[1])
			(void)pattern_matches(&p, lines[1], &seq);
	}
	pattern_done(&p);
	p = (struct pattern){ 0 };
	if (lines[0] && pattern_init(&p, lines[0], NULL) == 0) {
		pattern_format(&p, 99999, 0, name);
		g_assert_true(pattern_matches(&p, name, &seq));
	}
	pattern_done(&p);
	return 0;
}
