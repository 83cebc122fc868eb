/* SPDX-License-Identifier: MIT */
/* Container engines name a cgroup "ID" or "ENGINE-ID.scope", with an ID of 64 hexadecimal digits. */
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "extcap/process/unit.h"

#define ID_LEN	 64
#define ID_SHOWN 12 /* as docker ps does */

/* The ID in it, or NULL. */
static const char *find_id(const char *name)
{
	const char *dash = strrchr(name, '-'), *id = dash ? dash + 1 : name;
	size_t n = strspn(id, "0123456789abcdef");

	return n == ID_LEN && (!id[n] || g_str_equal(id + n, ".scope")) ? id : NULL;
}

bool unit_is(const char *name)
{
	return g_str_has_suffix(name, ".service") || g_str_has_suffix(name, ".scope") ||
	       g_str_has_suffix(name, ".slice");
}

char *unit_text(const char *name)
{
	g_autofree char *valid = g_utf8_make_valid(name, -1);
	const char *id = find_id(valid);

	if (id)
		return g_strdup_printf("container %.*s", ID_SHOWN, id);
	if (!*valid || g_str_equal(valid, "/"))
		return NULL;
	return g_strdup_printf("%s %s", unit_is(valid) ? "unit" : "cgroup", valid);
}
