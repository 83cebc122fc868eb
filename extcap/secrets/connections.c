/* SPDX-License-Identifier: MIT */
/* A table from the two ends of a connection to its id, from its ClientHello to its end. */
#include <stdio.h>
#include <string.h>

#include "extcap/net/flow.h"
#include "extcap/secrets/connections.h"
#include "extcap/secrets/keylog-line.h"
#include "extcap/secrets/segment.h"

/* [RFC 8446] A record header, a message header, and a version come before the random number. */
#define RECORD_HANDSHAKE 22
#define CLIENT_HELLO	 1
#define SERVER_HELLO	 2
#define RANDOM_AT	 11
#define RANDOM_SIZE	 32

struct connection {
	struct flow flow;
	char id[KEYLOG_ID_LEN + 1];
	bool has_finished[2]; /* the end that sent a FIN */
};

struct connections {
	GHashTable *open;	   /* set of struct connection, by their flow */
	GHashTable *over, *recent; /* sets of ids: over before this file began, and since */
};

static GHashTable *new_ids(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

struct connections *connections_new(void)
{
	struct connections *c = g_new0(struct connections, 1);

	c->open = g_hash_table_new_full(flow_hash, flow_is_equal, g_free, NULL);
	c->over = new_ids();
	c->recent = new_ids();
	return c;
}

void connections_free(struct connections *c)
{
	if (!c)
		return;
	g_hash_table_unref(c->open);
	g_hash_table_unref(c->over);
	g_hash_table_unref(c->recent);
	g_free(c);
}

/* The index of the sender. */
static int make_flow(const struct segment *s, struct flow *ret)
{
	*ret = (struct flow){ .ends = { s->from, s->to } };
	return flow_sort(ret);
}

static bool is_hello(const struct segment *s, uint8_t which)
{
	return s->len >= RANDOM_AT + RANDOM_SIZE && s->data[0] == RECORD_HANDSHAKE &&
	       s->data[1] == 3 && s->data[5] == which;
}

/* [RFC 8446 4.1.3] A ServerHello with this random number asks for another ClientHello. */
static bool is_retry(const struct segment *s)
{
	static const uint8_t start[] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11 };

	return memcmp(s->data + RANDOM_AT, start, sizeof(start)) == 0;
}

static void end_connection(struct connections *c, struct connection *one)
{
	if (g_hash_table_size(c->recent) >= CONNECTIONS_MAX)
		g_hash_table_remove_all(c->recent);
	g_hash_table_add(c->recent, g_strdup(one->id));
	g_hash_table_remove(c->open, one);
}

static void begin_connection(struct connections *c, const struct flow *flow, const uint8_t *random)
{
	struct connection *one = g_new0(struct connection, 1), *before;

	one->flow = *flow;
	for (gsize i = 0; i < RANDOM_SIZE; i++)
		(void)sprintf(one->id + 2 * i, "%02x", random[i]);
	before = g_hash_table_lookup(c->open, flow);
	if (before && !g_str_equal(before->id, one->id))
		end_connection(c, before); /* its ports are used again */
	if (g_hash_table_size(c->open) >= CONNECTIONS_MAX)
		g_hash_table_remove_all(c->open);
	g_hash_table_add(c->open, one);
}

static void see_end(struct connections *c, struct connection *one, const struct segment *s,
		    int from)
{
	one->has_finished[from] |= (s->flags & SEGMENT_FIN) != 0;
	if (s->flags & SEGMENT_RST || (one->has_finished[0] && one->has_finished[1]))
		end_connection(c, one);
}

const char *connections_see(struct connections *c, uint16_t linktype, const uint8_t *frame,
			    gsize caplen)
{
	struct segment segment;
	struct connection *one;
	struct flow flow;
	int from;

	if (!segment_find(linktype, frame, caplen, &segment))
		return NULL;
	from = make_flow(&segment, &flow);
	if (is_hello(&segment, CLIENT_HELLO))
		begin_connection(c, &flow, segment.data + RANDOM_AT);
	one = g_hash_table_lookup(c->open, &flow);
	if (one && segment.flags & (SEGMENT_FIN | SEGMENT_RST))
		see_end(c, one, &segment, from);
	else if (one && is_hello(&segment, SERVER_HELLO) && !is_retry(&segment))
		return one->id;
	return NULL;
}

bool connections_is_over(const struct connections *c, const char *id)
{
	return g_hash_table_contains(c->over, id);
}

void connections_next_file(struct connections *c)
{
	g_hash_table_unref(c->over);
	c->over = c->recent;
	c->recent = new_ids();
}
