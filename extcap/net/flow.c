/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "extcap/net/cursor.h"
#include "extcap/net/flow.h"

#define EXTENSIONS_MAX 3
#define TCP	       6
#define UDP	       17

_Static_assert(sizeof(struct flow) == 38, "struct flow has padding");

/* Whether the transport header follows. */
static bool take_ip4(struct cursor *c, struct flow *f)
{
	const uint8_t *ip = cursor_take(c, 20);
	size_t header = ip ? (size_t)(ip[0] & 15) * 4 : 0;

	if (header < 20)
		return false;
	memcpy(f->ends[0].address, ip + 12, 4);
	memcpy(f->ends[1].address, ip + 16, 4);
	f->protocol = ip[9];
	return !(cursor_get16(ip + 6) & 0x1fff) && cursor_take(c, header - 20);
}

static bool is_extension(uint8_t header)
{
	return header == 0 || header == 43 || header == 60; /* hop by hop, routing, destination */
}

static bool take_ip6(struct cursor *c, struct flow *f)
{
	const uint8_t *ip = cursor_take(c, 40), *next;

	if (!ip)
		return false;
	memcpy(f->ends[0].address, ip + 8, 16);
	memcpy(f->ends[1].address, ip + 24, 16);
	f->protocol = ip[6];
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(f->protocol); i++) {
		next = cursor_take(c, 8);
		if (!next || !cursor_take(c, next[1] * (size_t)8))
			return false;
		f->protocol = next[0];
	}
	return true;
}

static void take_ports(struct cursor *c, struct flow *f)
{
	const uint8_t *ports = f->protocol == TCP || f->protocol == UDP ? cursor_take(c, 4) : NULL;

	if (!ports)
		return;
	memcpy(f->ends[0].port, ports, 2);
	memcpy(f->ends[1].port, ports + 2, 2);
	f->has_ports = 1;
}

bool flow_sort(struct flow *f)
{
	struct flow_end first = f->ends[0];

	if (memcmp(&f->ends[0], &f->ends[1], sizeof(first)) <= 0)
		return false;
	f->ends[0] = f->ends[1];
	f->ends[1] = first;
	return true;
}

guint flow_hash(gconstpointer flow)
{
	const guint8 *bytes = flow;
	guint hash = 2166136261u; /* FNV-1a */

	for (gsize i = 0; i < sizeof(struct flow); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

gboolean flow_is_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct flow)) == 0;
}

bool flow_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct flow *ret)
{
	struct cursor c = { frame, caplen };
	int version;

	*ret = (struct flow){ .protocol = 0 };
	if (!cursor_skip_link(&c, linktype) || !c.left)
		return false;
	version = c.at[0] >> 4;
	if (version == 4 ? take_ip4(&c, ret) : version == 6 && take_ip6(&c, ret))
		take_ports(&c, ret);
	(void)flow_sort(ret);
	return version == 4 || version == 6;
}
