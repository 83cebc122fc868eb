/* SPDX-License-Identifier: MIT */
/*
 * utf8.c - checks UTF-8
 *
 * [pcapng §section_opt] "Implementations that write string fields MUST write only valid UTF-8
 * strings." The grammar of RFC 3629, one rule per first octet. NUL is refused too, because readers
 * take it for the end of the string.
 */
#include "pcapng/blocks/option.h"

/*
 * The number of octets after the first, and the range of the second, which excludes overlong forms.
 */
static int utf8_rule(uint8_t first, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xBF;
	if (first >= 0x01 && first <= 0x7F)
		return 0;
	if (first >= 0xC2 && first <= 0xDF)
		return 1;
	if (first >= 0xE0 && first <= 0xEF) {
		if (first == 0xE0)
			*low = 0xA0;
		if (first == 0xED)
			*high = 0x9F;
		return 2;
	}
	if (first >= 0xF0 && first <= 0xF4) {
		if (first == 0xF0)
			*low = 0x90;
		if (first == 0xF4)
			*high = 0x8F;
		return 3;
	}
	return -1;
}

bool utf8_is_valid(const void *text, size_t len)
{
	const uint8_t *p = text, *end = p + len;
	uint8_t low, high;

	while (p < end) {
		int more = utf8_rule(*p++, &low, &high);

		if (more < 0 || more > end - p)
			return false;
		for (; more; more--, p++) {
			if (*p < low || *p > high)
				return false;
			low = 0x80;
			high = 0xBF;
		}
	}
	return true;
}
