/* SPDX-License-Identifier: MIT */
/* A number followed by a unit from a table. */
#include <glib.h>
#include <string.h>

#include "extcap/config/units.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit sizes[] = {
	{ "B", 1 },
	{ "k", 1e3 },
	{ "kB", 1e3 },
	{ "K", 1e3 },
	{ "KB", 1e3 },
	{ "M", 1e6 },
	{ "MB", 1e6 },
	{ "G", 1e9 },
	{ "GB", 1e9 },
	{ "T", 1e12 },
	{ "TB", 1e12 },
	{ "Ki", 1024 },
	{ "KiB", 1024 },
	{ "Mi", 1048576 },
	{ "MiB", 1048576 },
	{ "Gi", 1073741824 },
	{ "GiB", 1073741824 },
	{ "Ti", 1099511627776 },
	{ "TiB", 1099511627776 },
	{ NULL },
};

static const struct unit times[] = {
	{ "ms", 1e6 },	 { "s", 1e9 },	   { "m", 60e9 }, { "min", 60e9 },
	{ "h", 3600e9 }, { "d", 86400e9 }, { NULL },
};

/* Rejects what strtod() also accepts: hexadecimal numbers, infinities and leading spaces. */
static bool parse(const char *text, const struct unit *units, double plain, uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double n = g_ascii_strtod(text, &end), factor = *end ? 0 : plain;

	if (!digits || end != text + digits)
		return false;
	for (; units->name; units++)
		if (g_str_equal(units->name, end))
			factor = units->factor;
	n = n * factor + 0.5;
	if (!factor || n >= 9e18) /* slightly less than 2^63 */
		return false;
	*ret = (uint64_t)n;
	return true;
}

bool units_parse_size(const char *text, uint64_t plain, uint64_t *ret)
{
	return parse(text, sizes, (double)plain, ret);
}

bool units_parse_duration(const char *text, uint64_t *ret_ns)
{
	return parse(text, times, 1e9, ret_ns);
}
