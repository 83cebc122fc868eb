/* SPDX-License-Identifier: MIT */
/*
 * pattern.c - the names of a set of files
 *
 * A pattern is text with fields of fixed width, so one walk over the pattern both writes a name and
 * recognizes one. Numbers run from 1 to 99999 and wrap to 0, as dumpcap's do; the time next to them
 * distinguishes the rounds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/file/file.h"
#include "pcapng/folder/pattern.h"

#define SEQ_DIGITS  5
#define TIME_DIGITS 14

struct field {
	const char *text;
	size_t width;
};

enum { FIELD_SEQ, FIELD_TIME, FIELD_UTC, FIELDS };

static const struct field fields[FIELDS] = {
	[FIELD_SEQ] = { "%{seq}", SEQ_DIGITS },
	[FIELD_TIME] = { "%{time}", TIME_DIGITS },
	[FIELD_UTC] = { "%{utc}", TIME_DIGITS },
};

/* The field that `at` begins with, or -1. */
static int find_field(const char *at)
{
	for (int i = 0; i < FIELDS; i++)
		if (!strncmp(at, fields[i].text, strlen(fields[i].text)))
			return i;
	return -1;
}

/* One step: a field (its index) or one literal character (-1, in *c); moves *at. */
static int next_piece(const char **at, char *c)
{
	int field = find_field(*at);

	if (field >= 0) {
		*at += strlen(fields[field].text);
		return field;
	}
	*c = **at;
	*at += **at == '%' ? 2 : 1; /* %%: checked by pattern_check() */
	return -1;
}

/* 0, or -EINVAL: see pattern_init(). */
static int pattern_check(const char *name)
{
	bool has_seq = false;
	size_t len = 0;
	char c = 0;

	while (*name) {
		int field;

		if (*name == '/' || (*name == '%' && find_field(name) < 0 && name[1] != '%'))
			return -EINVAL;
		field = next_piece(&name, &c);
		has_seq |= field == FIELD_SEQ;
		len += field < 0 ? 1 : fields[field].width;
	}
	/* Room for what is added to names: ".part", "-recovered", a number. */
	return has_seq && len <= NAME_MAX - 32 ? 0 : -EINVAL;
}

/* "cap.pcapng" to "cap_%{seq}_%{time}.pcapng"; a percent sign stays one. */
static char *default_name(const char *file)
{
	size_t prefix = file_stem(file);
	char *name = malloc(2 * strlen(file) + 32), *out = name;

	if (!name)
		return NULL;
	for (size_t i = 0; i <= strlen(file); i++) {
		if (i == prefix)
			out = stpcpy(out, "_%{seq}_%{time}");
		if (file[i] == '%')
			*out++ = '%';
		*out++ = file[i]; /* the NUL too */
	}
	return name;
}

int pattern_init(struct pattern *p, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;

	if (!*file)
		return -EINVAL;
	p->folder = slash ? strndup(path, slash - path + 1) : strdup("");
	p->name = name ? strdup(name) : default_name(file);
	if (!p->folder || !p->name)
		return -ENOMEM;
	return pattern_check(p->name);
}

int pattern_init_fixed(struct pattern *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	int r = pattern_init(p, path, "%{seq}");

	if (r < 0)
		return r;
	free(p->name);
	p->name = strdup(slash ? slash + 1 : path);
	if (!p->name)
		return -ENOMEM;
	return strlen(p->name) <= NAME_MAX - 32 ? 0 : -EINVAL;
}

int pattern_add_gz(struct pattern *p)
{
	size_t len = strlen(p->name);
	char *name;

	if (len > 3 && !strcmp(p->name + len - 3, ".gz"))
		return 0;
	name = realloc(p->name, len + sizeof(".gz"));
	if (!name)
		return -ENOMEM;
	stpcpy(name + len, ".gz");
	p->name = name;
	return 0;
}

void pattern_done(struct pattern *p)
{
	free(p->folder);
	free(p->name);
}

static char *format_number(char *out, uint32_t n, size_t width)
{
	for (size_t i = width; i-- > 0; n /= 10)
		out[i] = '0' + n % 10;
	return out + width;
}

static char *format_time(char *out, const struct tm *tm)
{
	out = format_number(out, tm->tm_year + 1900, 4);
	out = format_number(out, tm->tm_mon + 1, 2);
	out = format_number(out, tm->tm_mday, 2);
	out = format_number(out, tm->tm_hour, 2);
	out = format_number(out, tm->tm_min, 2);
	return format_number(out, tm->tm_sec, 2);
}

void pattern_format(const struct pattern *p, uint32_t seq, time_t now, char out[NAME_MAX + 1])
{
	const char *at = p->name;
	struct tm local, utc;
	char c = 0;

	localtime_r(&now, &local);
	gmtime_r(&now, &utc);
	while (*at) {
		switch (next_piece(&at, &c)) {
		case FIELD_SEQ: out = format_number(out, seq % 100000, SEQ_DIGITS); break;
		case FIELD_TIME: out = format_time(out, &local); break;
		case FIELD_UTC: out = format_time(out, &utc); break;
		default: *out++ = c;
		}
	}
	*out = '\0';
}

static bool take_digits(const char **at, size_t width, uint64_t *value)
{
	for (*value = 0; width > 0; width--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

bool pattern_matches(const struct pattern *p, const char *name, uint32_t *ret_seq)
{
	const char *at = p->name;
	uint64_t value;
	char c = 0;

	while (*at) {
		int field = next_piece(&at, &c);

		if (field < 0 && *name++ != c)
			return false;
		if (field >= 0 && !take_digits(&name, fields[field].width, &value))
			return false;
		if (field == FIELD_SEQ)
			*ret_seq = value;
	}
	return *name == '\0';
}
