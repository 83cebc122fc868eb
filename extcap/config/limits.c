/* SPDX-License-Identifier: MIT */
/* The keys of -a and -b in one table, and the parser and printer that read it. */
#include <string.h>

#include "extcap/system/error.h"
#include "extcap/config/limits.h"
#include "extcap/config/units.h"

enum value {
	VALUE_COUNT,
	VALUE_SIZE, /* bare numbers are kilobytes of 1000 */
	VALUE_DURATION,
	VALUE_FILE,
};

struct key {
	const char *name;
	enum value value;
	bool is_rotation_only;
	size_t offset;
	uint64_t max;
	uint64_t shown; /* the unit of a bare number */
	const char *expected;
};

#define AT(field) offsetof(struct limits, field)

static const struct key keys[] = {
	{ "filesize", VALUE_SIZE, false, AT(bytes), G_MAXINT64, 1000,
	  "a size in kB, or with a unit such as 100M" },
	{ "duration", VALUE_DURATION, false, AT(duration_ns), G_MAXINT64, 1000000000,
	  "a time in seconds, or with a unit such as 15m" },
	{ "files", VALUE_COUNT, false, AT(files), 4000000, 1, "a number from 1 to 4000000" },
	{ "packets", VALUE_COUNT, false, AT(packets), G_MAXINT64, 1, "a number of at least 1" },
	{ "interval", VALUE_DURATION, true, AT(interval_ns), G_MAXINT64, 1000000000,
	  "a time in seconds, or with a unit such as 1h" },
	{ "nametimenum", VALUE_COUNT, true, AT(name_order), 2, 1, "1 or 2" },
	{ "printname", VALUE_FILE, true, AT(print_name), 0, 1, "a file name, - or stderr" },
};

static void *field(const struct limits *r, const struct key *k)
{
	return (char *)r + k->offset;
}

static const struct key *find(const char *pair, bool is_rotation)
{
	size_t len = strcspn(pair, ":");

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, pair, len) == 0 &&
		    (is_rotation || !keys[i].is_rotation_only))
			return &keys[i];
	return NULL;
}

static bool parse_value(const struct key *k, const char *text, void *to)
{
	guint64 n = 0;
	bool ok = false;

	switch (k->value) {
	case VALUE_COUNT: ok = g_ascii_string_to_unsigned(text, 10, 1, k->max, &n, NULL); break;
	case VALUE_SIZE: ok = units_parse_size(text, 1000, &n); break;
	case VALUE_DURATION: ok = units_parse_duration(text, &n); break;
	case VALUE_FILE:
		g_free(*(char **)to);
		*(char **)to = g_strdup(text);
		return *text;
	}
	if (ok)
		*(uint64_t *)to = n;
	return ok && n;
}

static bool fail_key(const char *option, bool is_rotation, const char *pair, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (is_rotation || !keys[i].is_rotation_only)
			g_string_append_printf(names, "%s%s:", i ? ", " : "", keys[i].name);
	return fail_usage(error, "--%s requires one of %s followed by a value, not \"%s\"", option,
			  names->str, pair);
}

bool limits_parse(struct limits *r, const char *option, bool is_rotation, const char *pair,
		  GError **error)
{
	const struct key *k = find(pair, is_rotation);

	if (!k || !strchr(pair, ':'))
		return fail_key(option, is_rotation, pair, error);
	r->is_given = true;
	return parse_value(k, strchr(pair, ':') + 1, field(r, k)) ||
	       fail_usage(error, "--%s %s: requires %s, not \"%s\"", option, k->name, k->expected,
			  strchr(pair, ':') + 1);
}

static void append(GString *s, const struct key *k, const void *from)
{
	const uint64_t *n = from;
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	if (k->value == VALUE_FILE ? !*(char *const *)from : !*n)
		return;
	g_string_append_printf(s, "%s%s:", s->len ? "," : "", k->name);
	if (k->value == VALUE_FILE)
		g_string_append(s, *(char *const *)from);
	else if (*n % k->shown == 0)
		g_string_append_printf(s, "%" G_GUINT64_FORMAT, *n / k->shown);
	else
		g_string_append(s, g_ascii_dtostr(number, sizeof(number),
						  (double)*n / (double)k->shown));
}

char *limits_text(const struct limits *r)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		append(s, &keys[i], field(r, &keys[i]));
	return g_string_free(g_steal_pointer(&s), false);
}

bool limits_rotate(const struct limits *r)
{
	return r->bytes || r->packets || r->duration_ns || r->interval_ns;
}

void limits_done(struct limits *r)
{
	g_clear_pointer(&r->print_name, g_free);
}
