/* SPDX-License-Identifier: MIT */
/*
 * The ring reader and the merge, on rings in plain memory that the test fills as the kernel does: what
 * they must give out, in which order, and what they must refuse.
 */
#include <glib.h>
#include <linux/bpf.h>
#include <string.h>

#include "tests/bpf/rings/memory.h"

static void assert_next(struct merge *m, uint64_t ts_ns)
{
	uint64_t got;

	g_assert_nonnull(merge_next(m, &got));
	g_assert_cmpuint(got, ==, ts_ns);
}

static void assert_end(struct merge *m)
{
	uint64_t got;

	g_assert_null(merge_next(m, &got));
}

static void test_order(void)
{
	struct memory t;

	memory_init(&t);
	memory_append_frame(&t.rings[0], 10, 60, 60);
	memory_append_frame(&t.rings[0], 30, 60, 60);
	memory_append_frame(&t.rings[0], 31, 60, 60);
	memory_append_frame(&t.rings[1], 20, 60, 60);
	memory_append_frame(&t.rings[1], 40, 60, 60);
	merge_begin(&t.merge, MERGE_HOLD_NS + 100, false);
	for (size_t i = 0; i < 5; i++)
		assert_next(&t.merge, (const uint64_t[]){ 10, 20, 30, 31, 40 }[i]);
	assert_end(&t.merge);
	memory_done(&t);
}

static void test_hold(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct memory t;

	memory_init(&t);
	memory_append_frame(&t.rings[0], now - MERGE_HOLD_NS - 1, 60, 60);
	memory_append_frame(&t.rings[0], now - 1, 60, 60);
	memory_append_frame(&t.rings[1], now - 2, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - MERGE_HOLD_NS - 1);
	assert_end(&t.merge);
	g_assert_true(merge_is_pending(&t.merge));

	/* A straggler, for which the hold-back exists. */
	memory_append_frame(&t.rings[1], now - 1, 60, 60);
	merge_begin(&t.merge, now + MERGE_HOLD_NS, false);
	assert_next(&t.merge, now - 2);
	assert_next(&t.merge, now - 1);
	assert_next(&t.merge, now - 1);
	assert_end(&t.merge);
	g_assert_false(merge_is_pending(&t.merge));
	memory_done(&t);
}

static void test_no_hold_for_one(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct memory t;

	memory_init(&t);
	memory_append_frame(&t.rings[1], now - 1, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - 1);

	/* An older record on the other CPU comes too late: it is given out, but time does not go back. */
	memory_append_frame(&t.rings[0], now - 5, 60, 60);
	merge_begin(&t.merge, now + 1, true);
	assert_next(&t.merge, now - 1);
	memory_done(&t);
}

/* The second ring, empty a moment ago, gets a record while we read the first. */
static void test_second_begins(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct memory t;

	memory_init(&t);
	memory_append_frame(&t.rings[1], now - 1, 60, 60);
	memory_append_frame(&t.rings[1], now + 2, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - 1);
	assert_end(&t.merge);
	g_assert_true(merge_is_pending(&t.merge));
	memory_append_frame(&t.rings[0], now + 1, 60, 60);
	merge_begin(&t.merge, now + 3 + MERGE_HOLD_NS, false);
	assert_next(&t.merge, now + 1);
	assert_next(&t.merge, now + 2);
	memory_done(&t);
}

static void test_batch_is_bounded(void)
{
	struct memory t;

	memory_init(&t);
	memory_append_frame(&t.rings[0], 1, 60, 60);
	merge_begin(&t.merge, 100, false);
	memory_append_frame(&t.rings[0], 2, 60, 60);
	assert_next(&t.merge, 1);
	assert_end(&t.merge);
	memory_done(&t);
}

static void test_position(void)
{
	struct memory t;
	uint64_t end;

	memory_init(&t);
	memory_append_frame(&t.rings[0], 1, 60, 60);
	end = t.rings[0].producer;
	memory_append_frame(&t.rings[0], 2, 60, 60);
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1);
	g_assert_cmpuint(t.rings[0].consumer, ==, 0);
	merge_end(&t.merge);
	g_assert_cmpuint(t.rings[0].consumer, ==, end);
	memory_done(&t);
}

static void test_busy_and_discarded(void)
{
	uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };
	uint32_t ready = sizeof(body);
	struct memory t;
	uint64_t at;

	memory_init(&t);
	memory_append(&t.rings[0], body, sizeof(body), BPF_RINGBUF_DISCARD_BIT);
	memory_append_frame(&t.rings[0], 1, 60, 60);
	at = memory_append(&t.rings[0], body, sizeof(body), BPF_RINGBUF_BUSY_BIT);
	memory_append_frame(&t.rings[0], 3, 60, 60);
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1);
	assert_end(&t.merge);
	memory_poke(&t.rings[0], at, &ready, sizeof(ready));
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1); /* its stamp is 0, its time is not before the previous one */
	assert_next(&t.merge, 3);
	memory_done(&t);
}

static void count_refused(void *user, uint32_t slot)
{
	guint *refused = user;

	g_assert_cmpuint(slot, ==, 0);
	++*refused;
}

static void test_unsound(void)
{
	struct wire_frame short_record = { .ts_ns = 1, .caplen = 1, .len = 1 };
	guint with_slot = 0;
	struct memory t;

	memory_init(&t);
	t.merge.refuse = count_refused;
	t.merge.user = &with_slot;
	memory_append_frame(&t.rings[0], 1, 65, 65); /* claims more bytes than the record has */
	memory_append_frame(&t.rings[0], 2, 60, 59); /* claims more bytes than the frame had */
	memory_append(&t.rings[0], &short_record, sizeof(short_record), 0);
	memory_append(&t.rings[0], &short_record, 7, 0);
	memory_append_frame(&t.rings[0], 3, 64, 64);
	memory_append(&t.rings[0], &short_record, 8, 0);
	t.rings[0].producer -= 8; /* a length that exceeds what was written */
	merge_begin(&t.merge, 100, true);
	assert_next(&t.merge, 3);
	assert_end(&t.merge);
	merge_begin(&t.merge, 100, true);
	assert_end(&t.merge);
	g_assert_cmpuint(t.merge.refused, ==, 4);
	g_assert_cmpuint(with_slot, ==, 3); /* the record of 7 bytes names none */
	g_assert_cmpuint(t.merge.n_broken, ==, 1);
	memory_done(&t);
}

/* What precedes the bytes needs room, too. */
static void test_unsound_before(void)
{
	static const struct {
		uint16_t flags;
		uint32_t before;
	} kinds[] = { { WIRE_TRACED, sizeof(struct wire_trace) },
		      { WIRE_STAMPED, sizeof(struct wire_stamp) },
		      { WIRE_DROPPED, sizeof(struct wire_drop) },
		      { WIRE_IDENTIFIED, sizeof(struct wire_id) } };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };
		struct wire_frame *w = (void *)body;
		struct memory t;

		memory_init(&t);
		w->flags = kinds[i].flags;
		w->len = w->caplen = 64 - kinds[i].before + 1;
		memory_append(&t.rings[0], body, sizeof(body), 0);
		w->len = w->caplen = 64 - kinds[i].before;
		w->ts_ns = 2;
		memory_append(&t.rings[0], body, sizeof(body), 0);
		merge_begin(&t.merge, 100, true);
		assert_next(&t.merge, 2);
		assert_end(&t.merge);
		g_assert_cmpuint(t.merge.refused, ==, 1);
		memory_done(&t);
	}
}

/* Many laps with records of odd sizes, so that they wrap around at every offset. */
static void test_wrap(void)
{
	uint8_t body[sizeof(struct wire_frame) + 300];
	struct memory t;

	memory_init(&t);
	for (uint32_t n = 0; n < 5000; n++) {
		uint32_t caplen = 1 + n % 300;
		const struct wire_frame *w;
		uint64_t ts;

		memset(body, (int)n, sizeof(body));
		*(struct wire_frame *)(void *)body =
			(struct wire_frame){ .ts_ns = n, .caplen = caplen, .len = caplen };
		memory_append(&t.rings[0], body, (uint32_t)sizeof(struct wire_frame) + caplen, 0);
		merge_begin(&t.merge, n, true);
		w = merge_next(&t.merge, &ts);
		g_assert_nonnull(w);
		g_assert_cmpmem(w->data, w->caplen, body + sizeof(*w), caplen);
		merge_end(&t.merge);
	}
	g_assert_cmpuint(t.merge.refused, ==, 0);
	memory_done(&t);
}

#define MANY 9

/* A merge of MANY rings, each with `n` records at random times. */
static void fill_many(struct merge *m, struct memory_ring *rings, unsigned int n)
{
	memset(rings, 0, MANY * sizeof(*rings));
	for (int i = 0; i < MANY; i++) {
		uint64_t ts_ns = 1;

		m->inputs[i].ring = (struct ring){
			.size = MEMORY_SIZE,
			.consumer = &rings[i].consumer,
			.producer = &rings[i].producer,
			.data = rings[i].data,
		};
		/* Some bursts, some equal times, some rings that end early. */
		for (unsigned int k = 0; k < n - (unsigned int)i; k++) {
			ts_ns += (uint64_t)g_test_rand_int_range(0, g_test_rand_bit() ? 3 : 50);
			memory_append_frame(&rings[i], ts_ns, 60, 60);
		}
	}
}

/* Every record comes at its own time: none is late, whatever number of rings take turns. */
static void test_many(void)
{
	static struct memory_ring rings[MANY];

	for (int round = 0; round < 50; round++) {
		const struct wire_frame *w;
		unsigned int n = 0;
		uint64_t ts_ns;
		struct merge m;

		g_assert_cmpint(merge_init(&m, MANY), ==, 0);
		fill_many(&m, rings, 30);
		merge_begin(&m, 1000 + MERGE_HOLD_NS, round % 2);
		while ((w = merge_next(&m, &ts_ns))) {
			g_assert_cmpuint(ts_ns, ==, w->ts_ns);
			n++;
		}
		if (round % 2) {
			g_assert_cmpuint(n, ==, MANY * 30 - MANY * (MANY - 1) / 2);
			g_assert_false(merge_is_pending(&m));
		}
		for (int i = 0; i < MANY; i++)
			m.inputs[i].ring = (struct ring){ 0 };
		merge_done(&m);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/merge/order", test_order);
	g_test_add_func("/merge/hold-back", test_hold);
	g_test_add_func("/merge/no-hold-back-for-one", test_no_hold_for_one);
	g_test_add_func("/merge/second-begins", test_second_begins);
	g_test_add_func("/merge/batch-is-bounded", test_batch_is_bounded);
	g_test_add_func("/merge/position", test_position);
	g_test_add_func("/merge/busy-and-discarded", test_busy_and_discarded);
	g_test_add_func("/merge/unsound", test_unsound);
	g_test_add_func("/merge/unsound-before", test_unsound_before);
	g_test_add_func("/merge/wrap", test_wrap);
	g_test_add_func("/merge/many", test_many);
	return g_test_run();
}
