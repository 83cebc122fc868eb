/* SPDX-License-Identifier: MIT */
/* Keys are a reason and locations, as the kernel gives them. */
#include <stdbool.h>
#include <string.h>

#include "bpf/tap.h"
#include "extcap/drops/symbols.h"
#include "extcap/drops/texts.h"

struct key {
	uint64_t location, callers[TAP_CALLERS];
	uint32_t reason;
};

static guint hash(const void *p)
{
	const struct key *k = p;
	guint value = g_int64_hash(&k->location) ^ k->reason;

	for (size_t i = 0; i < TAP_CALLERS; i++)
		value = value * 31 + g_int64_hash(&k->callers[i]);
	return value;
}

static gboolean is_equal(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return x->location == y->location && x->reason == y->reason &&
	       memcmp(x->callers, y->callers, sizeof(x->callers)) == 0;
}

GHashTable *texts_new(void)
{
	return g_hash_table_new_full(hash, is_equal, g_free, g_free);
}

static bool is_hook(const char *function)
{
	return g_str_has_prefix(function, "nf_hook_slow");
}

/* The callers up to the one that called netfilter, if it is among them. */
static void add_callers(GString *text, const struct key *k, const char *function)
{
	size_t length = text->len;
	bool is_inside = is_hook(function);

	for (size_t i = 0; i < TAP_CALLERS && k->callers[i]; i++) {
		const char *caller = symbols_find(k->callers[i]);

		if (!caller)
			break;
		g_string_append_printf(text, "%s%s", i ? ", " : ", called by ", caller);
		if (is_inside && !is_hook(caller))
			return;
		is_inside = is_hook(caller);
	}
	g_string_truncate(text, length);
}

/* A module that was loaded after the capture began may have reasons and functions that we cannot name. */
static char *make(const struct key *k)
{
	const struct reasons *reasons;
	const struct reason *reason = reasons_get(&reasons) == 0
					      ? reasons_find_value(reasons, k->reason)
					      : NULL;
	const char *function = symbols_find(k->location);
	GString *text = g_string_new(reason ? reason->name : NULL);

	if (!reason)
		g_string_append_printf(text, "reason %#x", k->reason);
	if (function) {
		g_string_append_printf(text, " in %s", function);
		add_callers(text, k, function);
	}
	return g_string_free(text, false);
}

const char *texts_find(GHashTable *texts, const struct tap_frame *f)
{
	struct key key = { .location = f->location, .reason = f->reason };
	char *text;

	memcpy(key.callers, f->callers, sizeof(key.callers));
	text = g_hash_table_lookup(texts, &key);
	if (!text) {
		text = make(&key);
		g_hash_table_insert(texts, g_memdup2(&key, sizeof(key)), text);
	}
	return text;
}
