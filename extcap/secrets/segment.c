/* SPDX-License-Identifier: MIT */
/* IPv6 extension headers are not followed: no TCP implementation sends them unasked. */
#include <string.h>

#include "extcap/net/link.h"
#include "extcap/secrets/segment.h"

#define VLANS_MAX 2
#define TCP	  6

/* What is left of the frame. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* The next n bytes, or NULL. */
static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *taken = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return taken;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Whether an IP header follows. */
static bool skip_ethernet(struct cursor *c)
{
	const uint8_t *type;

	if (!take(c, 12))
		return false;
	for (int i = 0; i <= VLANS_MAX && (type = take(c, 2)); i++) {
		uint16_t value = get16(type);

		if (value == 0x0800 || value == 0x86dd)
			return true;
		if ((value != 0x8100 && value != 0x88a8) || !take(c, 2))
			return false;
	}
	return false;
}

/* A frame may be padded: what follows the packet is cut off. */
static void limit(struct cursor *c, size_t len)
{
	if (len && len < c->left)
		c->left = len;
}

static bool take_ip4(struct cursor *c, struct segment *s)
{
	const uint8_t *ip = take(c, 20);
	size_t header, total;

	if (!ip)
		return false;
	header = (size_t)(ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (header < 20 || !take(c, header - 20) || ip[9] != TCP || get16(ip + 6) & 0x1fff)
		return false;
	limit(c, total > header ? total - header : 0); /* 0: segmentation offload */
	memcpy(s->from.address, ip + 12, 4);
	memcpy(s->to.address, ip + 16, 4);
	return true;
}

static bool take_ip6(struct cursor *c, struct segment *s)
{
	const uint8_t *ip = take(c, 40);

	if (!ip || ip[6] != TCP)
		return false;
	limit(c, get16(ip + 4));
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
	const uint8_t *tcp = take(c, 20);
	size_t header;

	if (!tcp)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20)
		return false;
	memcpy(s->from.port, tcp, 2);
	memcpy(s->to.port, tcp + 2, 2);
	s->flags = tcp[13];
	if (!take(c, header - 20))
		c->left = 0;
	s->data = c->at;
	s->len = c->left;
	return true;
}

bool segment_find(uint16_t linktype, const uint8_t *frame, size_t caplen, struct segment *ret)
{
	struct cursor c = { frame, caplen };

	*ret = (struct segment){ .data = NULL };
	if (linktype == LINK_LINKTYPE_ETHERNET ? !skip_ethernet(&c) : linktype != LINK_LINKTYPE_RAW)
		return false;
	return take_ip(&c, ret) && take_tcp(&c, ret);
}
