/* SPDX-License-Identifier: MIT */
#include "extcap/net/cursor.h"
#include "extcap/net/link.h"

#define VLANS_MAX     2
#define COOKED_HEADER 16

const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *taken = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return taken;
}

unsigned int cursor_get16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

static bool skip_ethernet(struct cursor *c)
{
	const uint8_t *type;

	if (!cursor_take(c, 12))
		return false;
	for (int i = 0; i <= VLANS_MAX && (type = cursor_take(c, 2)); i++) {
		unsigned int value = cursor_get16(type);

		if (value == 0x0800 || value == 0x86dd)
			return true;
		if ((value != 0x8100 && value != 0x88a8) || !cursor_take(c, 2))
			return false;
	}
	return false;
}

bool cursor_skip_link(struct cursor *c, uint16_t linktype)
{
	switch (linktype) {
	case LINK_LINKTYPE_ETHERNET: return skip_ethernet(c);
	case LINK_LINKTYPE_LINUX_SLL: return cursor_take(c, COOKED_HEADER);
	default: return linktype == LINK_LINKTYPE_RAW;
	}
}
