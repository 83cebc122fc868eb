/* SPDX-License-Identifier: MIT */
#include "bpf/load/sharing.h"
#include "bpf/maps.h"

static uint16_t *place_of(const struct sharing *s)
{
	return &s->maps->slots[s->ifindex].above[s->hook];
}

struct point_target sharing_target(const struct point_target *t)
{
	struct point_target target = *t;

	if (maps_can_share(t->maps, t->ifindex)) {
		target.config.is_shared = true;
		target.config.slot = 0;
	}
	return target;
}

void sharing_enter(struct sharing *s, const struct point_target *t, enum wire_hook hook)
{
	*s = (struct sharing){ NULL, t->ifindex, hook, t->config.slot };
	if (!maps_can_share(t->maps, t->ifindex))
		return;
	s->maps = t->maps;
	__atomic_store_n(place_of(s), (uint16_t)(s->slot + 1), __ATOMIC_RELEASE);
}

void sharing_withdraw(const struct sharing *s)
{
	/* a later interface may have the same index */
	if (s->maps && *place_of(s) == s->slot + 1)
		__atomic_store_n(place_of(s), 0, __ATOMIC_RELEASE);
}
