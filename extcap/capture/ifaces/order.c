/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "extcap/capture/ifaces/order.h"
#include "extcap/net/link.h"

#define LEVELS 8 /* of devices on devices; kernel: include/linux/netdevice.h, MAX_NEST_DEV */

struct ranked {
	struct link *link;
	guint rank; /* how many devices are below it, one on the other */
	guint place;
};

static gint compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* Lifts a device above another one. */
static void lift(struct ranked *upper, const struct ranked *lower)
{
	if (upper && lower && upper->rank <= lower->rank)
		upper->rank = lower->rank + 1;
}

static void rank(GHashTable *by_index, struct ranked *all, guint n)
{
	for (guint level = 0; level < LEVELS; level++)
		for (struct ranked *r = all; r < all + n; r++) {
			const struct link *i = r->link;

			if (i->master)
				lift(g_hash_table_lookup(by_index, GUINT_TO_POINTER(i->master)), r);
			if (i->lower)
				lift(r, g_hash_table_lookup(by_index, GUINT_TO_POINTER(i->lower)));
		}
}

void order_links(GPtrArray *links)
{
	g_autoptr(GHashTable) by_index = g_hash_table_new(NULL, NULL);
	g_autofree struct ranked *all = g_new(struct ranked, links->len);

	for (guint n = 0; n < links->len; n++) {
		all[n] = (struct ranked){ .link = links->pdata[n], .place = n };
		g_hash_table_insert(by_index, GUINT_TO_POINTER(all[n].link->index), &all[n]);
	}
	rank(by_index, all, links->len);
	qsort(all, links->len, sizeof(*all), compare);
	for (guint n = 0; n < links->len; n++)
		links->pdata[n] = all[n].link;
}
