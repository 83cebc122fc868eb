/* SPDX-License-Identifier: MIT */
/* Versions and BTF of other kernels, and what is found in this one. */
#include <bpf/btf.h>
#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <unistd.h>

#include "bpf/facts.h"

static void test_realtime(void)
{
	g_assert_true(facts_is_realtime("#1 SMP PREEMPT_RT Debian 6.12.43-1 (2025-08-27)"));
	g_assert_true(facts_is_realtime("#1 SMP PREEMPT RT Debian 4.19.37-5 (2019-06-19)"));
	g_assert_false(facts_is_realtime("#1 SMP PREEMPT_DYNAMIC Debian 6.12.43-1 (2025-08-27)"));
	g_assert_false(facts_is_realtime("#1 SMP PREEMPT Debian 6.1.0-1"));
	g_assert_false(facts_is_realtime("#26-Ubuntu SMP Tue Mar 25 11:44:19 UTC 2025"));
}

struct fixture {
	struct btf *btf;
	int u8, u64;
};

static void set_up(struct fixture *f, const void *unused)
{
	f->btf = btf__new_empty();
	f->u8 = btf__add_int(f->btf, "unsigned char", 1, 0);
	f->u64 = btf__add_int(f->btf, "unsigned long", 8, 0);
}

static void tear_down(struct fixture *f, const void *unused)
{
	btf__free(f->btf);
}

/* struct { __u8 a:3, ip_summed:bits, rest } of this name, or anonymous. */
static int add_flags(struct fixture *f, const char *name, const char *member, uint32_t bits)
{
	int id = btf__add_struct(f->btf, name, 8);

	g_assert_cmpint(btf__add_field(f->btf, "cloned", f->u8, 0, 3), ==, 0);
	g_assert_cmpint(btf__add_field(f->btf, member, f->u8, 3, bits), ==, 0);
	return id;
}

/* sk_buff as in Linux 5.18: the flags are in an anonymous struct in an anonymous union. */
static void add_nested(struct fixture *f, int flags, const char *holder)
{
	int in_union = btf__add_union(f->btf, NULL, 8);

	g_assert_cmpint(btf__add_field(f->btf, NULL, flags, 0, 0), ==, 0);
	g_assert_cmpint(btf__add_field(f->btf, "headers", flags, 0, 0), ==, 0);
	g_assert_cmpint(btf__add_struct(f->btf, "sk_buff", 64), >, 0);
	g_assert_cmpint(btf__add_field(f->btf, "next", f->u64, 0, 0), ==, 0);
	g_assert_cmpint(btf__add_field(f->btf, holder, in_union, 256, 0), ==, 0);
}

static void test_nested(struct fixture *f, const void *unused)
{
	struct wire_skb_config found = { 0 };

	add_nested(f, add_flags(f, NULL, "ip_summed", 2), NULL);
	g_assert_cmpint(facts_find_skb(f->btf, &found), ==, 0);
	g_assert_cmpuint(found.offset, ==, 32);
	g_assert_cmpuint(found.shift, ==, 3);
}

static void test_plain(struct fixture *f, const void *unused)
{
	struct wire_skb_config found = { 0 };

	g_assert_cmpint(btf__add_struct(f->btf, "sk_buff", 64), >, 0);
	g_assert_cmpint(btf__add_field(f->btf, "next", f->u64, 0, 0), ==, 0);
	g_assert_cmpint(btf__add_field(f->btf, "ip_summed", f->u8, 77, 2), ==, 0);
	g_assert_cmpint(facts_find_skb(f->btf, &found), ==, 0);
	g_assert_cmpuint(found.offset, ==, 9);
	g_assert_cmpuint(found.shift, ==, 5);
}

/* A member of that name in a named struct is another's, and one of another size another thing. */
static void test_unknown(struct fixture *f, const void *unused)
{
	struct wire_skb_config found = { 0 };

	g_assert_cmpint(facts_find_skb(f->btf, &found), ==, -ENOENT);
	add_nested(f, add_flags(f, NULL, "ip_summed", 2), "cb");
	g_assert_cmpint(facts_find_skb(f->btf, &found), ==, -ENOENT);
	g_assert_cmpuint(found.offset, ==, 0);
}

static void test_other_size(struct fixture *f, const void *unused)
{
	struct wire_skb_config found = { 0 };

	add_nested(f, add_flags(f, NULL, "ip_summed", 3), NULL);
	g_assert_cmpint(facts_find_skb(f->btf, &found), ==, -ENOENT);
}

static void test_this_kernel(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		g_assert_cmpuint(facts_skb()->offset, ==, 0);
		return;
	}
	g_assert_cmpuint(facts_skb()->offset, >, 0);
	g_assert_cmpuint(facts_skb()->offset, <, 512);
	g_assert_cmpuint(facts_skb()->data, ==, facts_skb()->head + sizeof(void *));
	g_assert_cmpuint(facts_skb()->network, >, 0);
	g_assert_cmpuint(facts_skb()->network, <, 512);
	g_assert_true(facts_skb() == facts_skb());
}

#define ADD(name, function) g_test_add(name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/facts/realtime", test_realtime);
	ADD("/facts/nested", test_nested);
	ADD("/facts/plain", test_plain);
	ADD("/facts/unknown", test_unknown);
	ADD("/facts/other-size", test_other_size);
	g_test_add_func("/facts/this-kernel", test_this_kernel);
	return g_test_run();
}
