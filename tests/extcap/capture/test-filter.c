/* SPDX-License-Identifier: MIT */
/* Expressions: what is a filter, what is refused, and in which words. */
#include <glib.h>
#include <linux/filter.h>
#include <string.h>

#include "extcap/system/cleanup.h"
#include "extcap/capture/filter.h"
#include "extcap/net/link.h"

static void assert_refused(const char *expression, const char *word)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;
	g_autoptr(GError) error = NULL;

	f = filter_new(expression, LINK_LINKTYPE_ETHERNET, 0, &error);
	g_assert_null(f);
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, word));
	g_assert_null(strchr(error->message, '\n'));
}

static void test_none(void)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;
	g_autoptr(GError) error = NULL;

	f = filter_new(NULL, LINK_LINKTYPE_ETHERNET, 0, &error);
	g_assert_nonnull(f);
	g_assert_no_error(error);
	g_assert_cmpuint(f->n, ==, 0);
}

static void test_expression(void)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;

	f = filter_new("tcp port 443", LINK_LINKTYPE_ETHERNET, 0, NULL);
	g_assert_cmpuint(f->n, >, 5);
}

/* libpcap calls it an error; tcpdump's users would say that it matches nothing. */
static void test_nothing_matches(void)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;

	f = filter_new("ip and arp", LINK_LINKTYPE_ETHERNET, 0, NULL);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_cmpuint(f->insns[0].code, ==, BPF_RET | BPF_K);
	g_assert_cmpuint(f->insns[0].k, ==, 0);
}

static void test_refused(void)
{
	assert_refused("no such words", "");
	assert_refused("port 99999999", "");
	assert_refused("ip protochain 6", "protochain");
}

/* An expression serves one linktype; no expression serves all. */
static void test_linktypes(void)
{
	_cleanup_(filter_unrefp) struct filter *ether = filter_new("host 10.0.0.1",
								   LINK_LINKTYPE_ETHERNET, 0, NULL);
	_cleanup_(filter_unrefp) struct filter *raw = NULL, *same = NULL, *none = NULL, *mac = NULL;
	g_autoptr(GError) error = NULL;

	raw = filter_for(ether, LINK_LINKTYPE_RAW, 0, NULL);
	same = filter_for(ether, LINK_LINKTYPE_ETHERNET, 0, NULL);
	g_assert_true(same == ether);
	g_assert_cmpuint(raw->n, >, 0);
	g_assert_cmpuint(raw->insns[0].k, ==, 0); /* the version of the IP header */
	g_assert_cmpuint(ether->insns[0].k, ==, 12);
	none = filter_new(NULL, LINK_LINKTYPE_ETHERNET, 0, NULL);
	filter_unref(same);
	same = filter_for(none, LINK_LINKTYPE_RAW, 0, NULL);
	g_assert_true(same == none);
	mac = filter_new("ether host 1:2:3:4:5:6", LINK_LINKTYPE_ETHERNET, 0, NULL);
	g_assert_null(filter_for(mac, LINK_LINKTYPE_RAW, 0, &error));
	g_assert_nonnull(strstr(error->message, "\"ether host 1:2:3:4:5:6\""));
}

static char *printed(const char *expression, bool is_classic)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	_cleanup_(filter_unrefp) struct filter *f = filter_new(expression, LINK_LINKTYPE_ETHERNET,
							       0, NULL);

	filter_print(to, f, 0, is_classic);
	fclose(to);
	return text;
}

static void test_listings(void)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;
	g_autofree char *classic = printed("icmp", true), *kernels = printed("icmp", false);
	g_auto(GStrv) lines = g_strsplit(g_strchomp(classic), "\n", -1);

	f = filter_new("icmp", LINK_LINKTYPE_ETHERNET, 0, NULL);
	g_assert_cmpuint(g_strv_length(lines), ==, f->n);
	g_assert_nonnull(strstr(lines[0], "ldh"));
	g_assert_cmpuint(strlen(kernels), >, strlen(classic));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/filter/none", test_none);
	g_test_add_func("/filter/expression", test_expression);
	g_test_add_func("/filter/nothing-matches", test_nothing_matches);
	g_test_add_func("/filter/refused", test_refused);
	g_test_add_func("/filter/linktypes", test_linktypes);
	g_test_add_func("/filter/listings", test_listings);
	return g_test_run();
}
