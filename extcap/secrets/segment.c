/* SPDX-License-Identifier: MIT */
/* IPv6 extension headers are not followed: no TCP implementation sends them unasked. */
#include <string.h>

#include "extcap/net/cursor.h"
#include "extcap/secrets/segment.h"

#define TCP 6

/* A frame may be padded: what follows the packet is cut off. */
static void limit(struct cursor *c, size_t len)
{
	if (len && len < c->left)
		c->left = len;
}

static bool take_ip4(struct cursor *c, struct segment *s)
{
	const uint8_t *ip = cursor_take(c, 20);
	size_t header, total;

	if (!ip)
		return false;
	header = (size_t)(ip[0] & 15) * 4;
	total = cursor_get16(ip + 2);
	if (header < 20 || !cursor_take(c, header - 20) || ip[9] != TCP ||
	    cursor_get16(ip + 6) & 0x1fff)
		return false;
	limit(c, total > header ? total - header : 0); /* 0: segmentation offload */
	memcpy(s->from.address, ip + 12, 4);
	memcpy(s->to.address, ip + 16, 4);
	return true;
}

static bool take_ip6(struct cursor *c, struct segment *s)
{
	const uint8_t *ip = cursor_take(c, 40);

	if (!ip || ip[6] != TCP)
		return false;
	limit(c, cursor_get16(ip + 4));
	memcpy(s->from.address, ip + 8, 16);
	memcpy(s->to.address, ip + 24, 16);
	return true;
}

static bool take_ip(struct cursor *c, struct segment *s)
{
	int version = c->left ? c->at[0] >> 4 : 0;

	return version == 4 ? take_ip4(c, s) : version == 6 && take_ip6(c, s);
}

static bool take_tcp(struct cursor *c, struct segment *s)
{
	const uint8_t *tcp = cursor_take(c, 20);
	size_t header;

	if (!tcp)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20)
		return false;
	memcpy(s->from.port, tcp, 2);
	memcpy(s->to.port, tcp + 2, 2);
	s->flags = tcp[13];
	if (!cursor_take(c, header - 20))
		c->left = 0;
	s->data = c->at;
	s->len = c->left;
	return true;
}

bool segment_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct segment *ret)
{
	struct cursor c = { frame, caplen };

	*ret = (struct segment){ .data = NULL };
	if (!cursor_skip_link(&c, linktype))
		return false;
	return take_ip(&c, ret) && take_tcp(&c, ret);
}
