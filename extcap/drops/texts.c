/* SPDX-License-Identifier: MIT */
/* Keys are a reason and a location, as the kernel gives them. */
#include "bpf/tap.h"
#include "extcap/drops/symbols.h"
#include "extcap/drops/texts.h"

struct key {
	uint64_t location;
	uint32_t reason;
};

static guint hash(const void *p)
{
	const struct key *k = p;

	return g_int64_hash(&k->location) ^ k->reason;
}

static gboolean is_equal(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return x->location == y->location && x->reason == y->reason;
}

GHashTable *texts_new(void)
{
	return g_hash_table_new_full(hash, is_equal, g_free, g_free);
}

/* A module that was loaded after the capture began may have reasons and functions that we cannot name. */
static char *make(uint32_t number, uint64_t location)
{
	const struct reasons *reasons;
	const struct reason *reason = reasons_get(&reasons) == 0
					      ? reasons_find_value(reasons, number)
					      : NULL;
	const char *function = symbols_find(location);
	g_autofree char *name = reason ? g_strdup(reason->name)
				       : g_strdup_printf("reason %#x", number);

	return g_strconcat(name, function ? " in " : NULL, function, NULL);
}

const char *texts_find(GHashTable *texts, uint32_t reason, uint64_t location)
{
	const struct key key = { location, reason };
	char *text = g_hash_table_lookup(texts, &key);

	if (!text) {
		text = make(reason, location);
		g_hash_table_insert(texts, g_memdup2(&key, sizeof(key)), text);
	}
	return text;
}
