/* SPDX-License-Identifier: MIT */
/* TLS connections in frames: made here, cut short at every length, and of random bytes. */
#include <string.h>

#include "extcap/net/link.h"
#include "extcap/secrets/connections.h"
#include "extcap/secrets/keylog-line.h"
#include "extcap/secrets/segment.h"

#define FRAME_MAX 256
#define HELLO_LEN 43

/* What a frame is made of. */
struct recipe {
	uint16_t linktype;
	int n_vlans;
	int version; /* of IP */
	bool is_answer;
	uint16_t port; /* of the client */
	uint8_t flags;
	uint8_t hello; /* type of message: 1 or 2; 0: no payload */
	uint8_t random;
	int padding;
};

struct frame {
	uint8_t data[FRAME_MAX];
	gsize len;
};

static void put(struct frame *f, const void *data, gsize len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void put16(struct frame *f, unsigned int value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(f, bytes, sizeof(bytes));
}

static void put_ip(struct frame *f, const struct recipe *r, gsize payload)
{
	uint8_t ip4[20] = {
		[0] = 0x45, [8] = 64, [9] = 6, [12] = 10, [15] = 1, [16] = 10, [19] = 2
	};
	uint8_t ip6[40] = {
		[0] = 0x60, [6] = 6, [7] = 64, [8] = 0xfd, [23] = 1, [24] = 0xfd, [39] = 2
	};

	ip4[3] = (uint8_t)(20 + 20 + payload);
	ip6[5] = (uint8_t)(20 + payload);
	if (r->is_answer) {
		ip4[15] = ip6[23] = 2;
		ip4[19] = ip6[39] = 1;
	}
	put(f, r->version == 4 ? ip4 : ip6, r->version == 4 ? sizeof(ip4) : sizeof(ip6));
}

static struct frame make(const struct recipe *r)
{
	uint8_t mac[12] = { 2 }, tcp[16] = { [8] = 0x50, [9] = r->flags };
	uint8_t hello[HELLO_LEN] = { 22, 3, 1, 0, 38, r->hello, 0, 0, 34, 3, 3 };
	gsize payload = r->hello ? sizeof(hello) : 0;
	struct frame f = { .len = 0 };

	if (r->linktype == LINK_LINKTYPE_ETHERNET) {
		put(&f, mac, sizeof(mac));
		for (int i = 0; i < r->n_vlans; i++) {
			put16(&f, i ? 0x8100 : 0x88a8);
			put16(&f, 5);
		}
		put16(&f, r->version == 4 ? 0x0800 : 0x86dd);
	}
	put_ip(&f, r, payload);
	put16(&f, r->is_answer ? 443 : r->port);
	put16(&f, r->is_answer ? r->port : 443);
	put(&f, tcp, sizeof(tcp));
	memset(hello + 11, r->random, 32);
	put(&f, hello, payload);
	f.len += (gsize)r->padding;
	return f;
}

static const char *see(struct connections *c, struct recipe r)
{
	struct frame f;

	r.linktype = r.linktype ? r.linktype : LINK_LINKTYPE_ETHERNET;
	r.version = r.version ? r.version : 4;
	r.port = r.port ? r.port : 1000;
	f = make(&r);
	return connections_see(c, r.linktype, f.data, f.len);
}

static char *id_of(uint8_t random)
{
	char text[KEYLOG_ID_LEN + 1] = "";

	for (int i = 0; i < 32; i++)
		g_snprintf(text + 2 * i, 3, "%02x", random);
	return g_strdup(text);
}

static bool is_over(const struct connections *c, uint8_t random)
{
	g_autofree char *id = id_of(random);

	return connections_is_over(c, id);
}

static void test_server_hello(void)
{
	const struct recipe kinds[] = {
		{ .linktype = LINK_LINKTYPE_ETHERNET, .version = 4 },
		{ .linktype = LINK_LINKTYPE_ETHERNET, .version = 6, .n_vlans = 2 },
		{ .linktype = LINK_LINKTYPE_ETHERNET, .version = 4, .n_vlans = 1, .padding = 6 },
		{ .linktype = LINK_LINKTYPE_RAW, .version = 4 },
		{ .linktype = LINK_LINKTYPE_RAW, .version = 6 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		struct connections *c = connections_new();
		struct recipe r = kinds[i];
		g_autofree char *id = id_of(7);

		r.hello = 1;
		r.random = 7;
		g_assert_null(see(c, r));
		r.is_answer = true;
		r.hello = 2;
		g_assert_cmpstr(see(c, r), ==, id);
		r.port = 1001; /* another connection, whose ClientHello nobody saw */
		g_assert_null(see(c, r));
		connections_free(c);
	}
}

static void test_end(void)
{
	struct connections *c = connections_new();

	see(c, (struct recipe){ .hello = 1, .random = 1 });
	see(c, (struct recipe){ .hello = 1, .random = 2, .port = 2000 });
	see(c, (struct recipe){ .hello = 1, .random = 3, .port = 3000 });
	see(c, (struct recipe){ .flags = SEGMENT_FIN });
	see(c, (struct recipe){ .flags = SEGMENT_FIN });
	see(c, (struct recipe){ .flags = SEGMENT_RST, .port = 2000, .is_answer = true });
	see(c, (struct recipe){ .hello = 1, .random = 4, .port = 3000 }); /* its ports again */
	g_assert_false(is_over(c, 2));
	connections_next_file(c);
	g_assert_false(is_over(c, 1)); /* one side only */
	g_assert_true(is_over(c, 2));
	g_assert_true(is_over(c, 3));
	g_assert_false(is_over(c, 4));
	see(c, (struct recipe){ .flags = SEGMENT_FIN, .is_answer = true });
	connections_next_file(c);
	g_assert_true(is_over(c, 1));
	g_assert_false(is_over(c, 2)); /* forgotten with its secrets */
	connections_free(c);
}

/* No number of connections fills the memory. */
static void test_flood(void)
{
	struct connections *c = connections_new();

	for (int i = 0; i < 3 * CONNECTIONS_MAX; i++) {
		const struct recipe r = { .hello = 1,
					  .random = (uint8_t)i,
					  .port = (uint16_t)(i | 1),
					  .version = i & 1 ? 4 : 6 };

		see(c, r);
	}
	connections_free(c);
}

/* Nothing behind the captured bytes is read: the sanitizer would tell. */
static void test_cut_short(void)
{
	const struct recipe r = { .linktype = LINK_LINKTYPE_ETHERNET,
				  .version = 4,
				  .n_vlans = 2,
				  .port = 1000,
				  .hello = 1,
				  .flags = SEGMENT_RST };
	const struct frame f = make(&r);
	struct connections *c = connections_new();

	for (gsize n = 0; n <= f.len; n++) {
		g_autofree uint8_t *copy = g_memdup2(f.data, n ? n : 1);

		connections_see(c, r.linktype, copy, n);
	}
	connections_free(c);
}

static void test_random(void)
{
	const struct recipe r = {
		.linktype = LINK_LINKTYPE_ETHERNET, .version = 4, .port = 1000, .hello = 1
	};
	struct connections *c = connections_new();

	for (int i = 0; i < 200000; i++) {
		struct frame f = make(&r);
		gsize len = (gsize)g_test_rand_int_range(0, (gint32)f.len + 1);
		g_autofree uint8_t *copy = NULL;

		for (int k = g_test_rand_int_range(0, 6); k > 0; k--)
			f.data[g_test_rand_int_range(0, (gint32)f.len)] =
				(uint8_t)g_test_rand_int();
		copy = g_memdup2(f.data, len ? len : 1);
		connections_see(c, i & 1 ? r.linktype : LINK_LINKTYPE_RAW, copy + 0, len);
	}
	connections_free(c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/connections/server-hello", test_server_hello);
	g_test_add_func("/connections/end", test_end);
	g_test_add_func("/connections/flood", test_flood);
	g_test_add_func("/connections/cut-short", test_cut_short);
	g_test_add_func("/connections/random", test_random);
	return g_test_run();
}
