/* SPDX-License-Identifier: MIT */
/* Which programs are taken for silent: a device's counter and the program's are compared at each look. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extcap/capture/ifaces/silence.h"
#include "fake-tap.h"

static struct stream stream;
static struct silence *silence;
static int counters = -1; /* a copy of the descriptor that silence owns */
static uint64_t total;	  /* of eth0 */
static unsigned int n_told;
static char *last;

static GLogWriterOutput on_log(GLogLevelFlags level, const GLogField *fields, gsize n, void *user)
{
	for (gsize i = 0; i < n; i++) {
		if (level & G_LOG_LEVEL_WARNING && g_str_equal(fields[i].key, "MESSAGE")) {
			n_told++;
			g_free(last);
			last = g_strdup(fields[i].value);
		}
	}
	return G_LOG_WRITER_HANDLED;
}

/* As the kernel prints them. */
static void set_received(uint64_t eth, uint64_t lo)
{
	g_autofree char *text = g_strdup_printf(
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
		"    lo: 1000 %" G_GUINT64_FORMAT " 0 0 0 0 0 0 2000 9 0 0 0 0 0 0\n"
		"xeth0: 1 99999999 0 0 0 0 0 0 2000 9 0 0 0 0 0 0\n"
		"  eth0:123456789012 %" G_GUINT64_FORMAT " 0 0 0 0 0 0 2000 9 0 0 0 0 0 0\n",
		lo, eth);

	g_assert_cmpint(ftruncate(counters, 0), ==, 0);
	g_assert_cmpint(pwrite(counters, text, strlen(text), 0), ==, (ssize_t)strlen(text));
}

static void add(const char *device, const struct point *point, bool is_software)
{
	const struct stream_iface iface = { .device = g_strdup(device),
					    .is_software = is_software };
	const guint number = stream.ifaces->len;

	fake_tap.slots[fake_tap.n_slots++] = (struct fake_slot){ .ifindex = 7, .point = point };
	g_array_append_val(stream.ifaces, iface);
	g_array_append_val(stream.slots, number);
}

static void begin(const char *device, const struct point *point, bool is_software)
{
	int fd = memfd_create("counters", MFD_CLOEXEC);

	memset(&fake_tap, 0, sizeof(fake_tap));
	stream = (struct stream){ .ifaces = g_array_new(false, true, sizeof(struct stream_iface)),
				  .slots = g_array_new(false, true, sizeof(guint)) };
	counters = dup(fd);
	n_told = 0;
	total = 1000;
	g_clear_pointer(&last, g_free);
	add(device, point, is_software);
	set_received(total, 1000);
	silence = silence_new_from(fd);
	silence_watch(silence, &stream);
}

static void finish(void)
{
	silence_end(silence);
	for (guint n = 0; n < stream.ifaces->len; n++)
		g_free(g_array_index(stream.ifaces, struct stream_iface, n).device);
	g_array_unref(stream.ifaces);
	g_array_unref(stream.slots);
	close(counters);
}

/* A look after the device and the program have counted so many more. */
static void look(uint64_t received, uint64_t seen)
{
	total += received;
	fake_tap.slots[0].stats.seen += seen;
	set_received(total, 1000);
	silence_look(silence);
}

static void test_told_once(void)
{
	begin("eth0", &point_xdp, false);
	look(10, 0);
	g_assert_cmpuint(n_told, ==, 0);
	look(10, 0);
	g_assert_cmpuint(n_told, ==, 1);
	g_assert_cmpstr(last, ==,
			"\"eth0\" receives frames, but the xdp program there runs for none of "
			"them; use --point tc");
	look(10, 0);
	look(10, 0);
	finish();
	g_assert_cmpuint(n_told, ==, 1);
}

static void test_at_tc(void)
{
	begin("eth0", &point_tc_ingress, false);
	look(10, 0);
	look(10, 0);
	g_assert_nonnull(strstr(last, "the tc-ingress program there runs for none of them"));
	finish();
}

static void test_end_is_a_look(void)
{
	begin("eth0", &point_xdp, false);
	look(10, 0);
	set_received(1 << 20, 1000);
	finish();
	g_assert_cmpuint(n_told, ==, 1);
}

/* Counters that drivers update only now and then, devices that are quiet, programs that ran. */
static void test_not_silent(void)
{
	static const struct {
		uint64_t received, seen;
	} looks[][4] = {
		{ { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 } },	  /* quiet */
		{ { 9, 9 }, { 9, 9 }, { 9, 9 }, { 9, 9 } },	  /* as it should be */
		{ { 900, 1 }, { 900, 1 }, { 900, 1 }, { 9, 1 } }, /* merged, or counted elsewhere */
		{ { 0, 500 }, { 500, 0 }, { 0, 500 }, { 500, 0 } }, /* the counter is late */
		{ { 3, 0 }, { 3, 0 }, { 3, 0 }, { 3, 0 } },	    /* too few to judge by */
		{ { 50, 0 }, { 0, 0 }, { 50, 0 }, { 0, 0 } },	    /* not twice in a row */
	};

	for (size_t n = 0; n < G_N_ELEMENTS(looks); n++) {
		begin("eth0", &point_xdp, false);
		for (size_t k = 0; k < G_N_ELEMENTS(looks[n]); k++)
			look(looks[n][k].received, looks[n][k].seen);
		if (n_told)
			g_test_fail_printf("case %zu: %s", n, last);
		finish();
	}
}

static void test_not_compared(void)
{
	static const struct {
		const char *device;
		const struct point *point;
		bool is_software;
	} cases[] = {
		{ "eth0", &point_xdp, true },	     /* counts what its ports receive */
		{ "eth0", &point_tc_egress, false }, /* not what is received */
		{ "eth0", &point_trace, false },     /* runs when somebody's program does */
		{ "eth0", &point_drop, false },	     /* runs for drops */
		{ "eth1", &point_xdp, false },	     /* is in another network namespace */
		{ "eth", &point_xdp, false },	     /* another one's name begins so */
	};

	for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
		begin(cases[n].device, cases[n].point, cases[n].is_software);
		for (int k = 0; k < 4; k++)
			look(100, 0);
		if (n_told)
			g_test_fail_printf("case %zu: %s", n, last);
		finish();
	}
}

/* A slot that is closed and one that is new, as when an interface is renamed. */
static void test_slots(void)
{
	begin("lo", &point_xdp, false);
	look(100, 0);
	fake_tap.slots[0].ifindex = 0;
	add("eth0", &point_xdp, false);
	look(100, 0);
	look(100, 0);
	g_assert_cmpuint(n_told, ==, 0);
	look(100, 0);
	g_assert_cmpuint(n_told, ==, 1);
	g_assert_nonnull(strstr(last, "\"eth0\""));
	finish();
}

/* Counters that begin again, and ones that cannot be read. */
static void test_odd_counters(void)
{
	begin("eth0", &point_xdp, false);
	set_received(0, 0);
	silence_look(silence);
	g_assert_cmpint(ftruncate(counters, 0), ==, 0);
	silence_look(silence);
	silence_look(silence);
	finish();
	g_assert_cmpuint(n_told, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);		/* and not warnings */
	g_log_set_default_handler(g_log_default_handler, NULL); /* not that of g_test_init() */
	g_log_set_writer_func(on_log, NULL, NULL);
	g_test_add_func("/silence/told-once", test_told_once);
	g_test_add_func("/silence/at-tc", test_at_tc);
	g_test_add_func("/silence/end", test_end_is_a_look);
	g_test_add_func("/silence/not-silent", test_not_silent);
	g_test_add_func("/silence/not-compared", test_not_compared);
	g_test_add_func("/silence/slots", test_slots);
	g_test_add_func("/silence/odd-counters", test_odd_counters);
	return g_test_run();
}
