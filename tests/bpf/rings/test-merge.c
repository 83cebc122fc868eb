/* SPDX-License-Identifier: MIT */
/*
 * The ring reader and the merge, on rings in plain memory that the test fills the way the kernel
 * does: what it must give out, in which order, and what it must not believe.
 */
#include <glib.h>
#include <linux/bpf.h>
#include <string.h>

#include "bpf/rings/merge.h"

#define SIZE 4096

/* A ring as the kernel maps it; the second half of the data mirrors the first. */
struct fake {
	uint64_t consumer, producer;
	_Alignas(8) uint8_t data[2 * SIZE];
};

static void fake_init(struct fake *f, struct ring *r)
{
	memset(f, 0, sizeof(*f));
	*r = (struct ring){
		.size = SIZE, .consumer = &f->consumer, .producer = &f->producer, .data = f->data
	};
}

/* Stores a word at a position, in both halves. */
static void poke(struct fake *f, uint64_t pos, const void *from, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t at = (pos + i) % SIZE;

		f->data[at] = f->data[at + SIZE] = ((const uint8_t *)from)[i];
	}
}

/* Appends one record; "flags" go into its length word. Returns its position. */
static uint64_t append(struct fake *f, const void *body, uint32_t len, uint32_t flags)
{
	uint64_t at = f->producer;
	uint32_t word = len | flags;

	poke(f, at, &word, sizeof(word));
	poke(f, at + BPF_RINGBUF_HDR_SZ, body, len);
	f->producer = at + ((len + BPF_RINGBUF_HDR_SZ + 7) & ~7U);
	return at;
}

static void append_frame(struct fake *f, uint64_t ts_ns, uint32_t caplen, uint32_t len)
{
	uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };
	struct wire_frame *w = (void *)body;

	*w = (struct wire_frame){ .ts_ns = ts_ns, .caplen = caplen, .len = len };
	append(f, body, sizeof(body), 0);
}

/* Two rings in a merge; rings in plain memory are not unmapped. */
struct two {
	struct fake fake[2];
	struct merge merge;
};

static void two_init(struct two *t)
{
	g_assert_cmpint(merge_init(&t->merge, 2), ==, 0);
	for (int i = 0; i < 2; i++)
		fake_init(&t->fake[i], &t->merge.inputs[i].ring);
}

static void two_done(struct two *t)
{
	for (int i = 0; i < 2; i++)
		t->merge.inputs[i].ring = (struct ring){ 0 };
	merge_done(&t->merge);
}

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
	struct two t;

	two_init(&t);
	append_frame(&t.fake[0], 10, 60, 60);
	append_frame(&t.fake[0], 30, 60, 60);
	append_frame(&t.fake[0], 31, 60, 60);
	append_frame(&t.fake[1], 20, 60, 60);
	append_frame(&t.fake[1], 40, 60, 60);
	merge_begin(&t.merge, MERGE_HOLD_NS + 100, false);
	for (size_t i = 0; i < 5; i++)
		assert_next(&t.merge, (const uint64_t[]){ 10, 20, 30, 31, 40 }[i]);
	assert_end(&t.merge);
	two_done(&t);
}

static void test_hold(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct two t;

	two_init(&t);
	append_frame(&t.fake[0], now - MERGE_HOLD_NS - 1, 60, 60);
	append_frame(&t.fake[0], now - 1, 60, 60);
	append_frame(&t.fake[1], now - 2, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - MERGE_HOLD_NS - 1);
	assert_end(&t.merge);
	g_assert_true(merge_is_pending(&t.merge));

	/* The straggler that the hold-back is for. */
	append_frame(&t.fake[1], now - 1, 60, 60);
	merge_begin(&t.merge, now + MERGE_HOLD_NS, false);
	assert_next(&t.merge, now - 2);
	assert_next(&t.merge, now - 1);
	assert_next(&t.merge, now - 1);
	assert_end(&t.merge);
	g_assert_false(merge_is_pending(&t.merge));
	two_done(&t);
}

static void test_no_hold_for_one(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct two t;

	two_init(&t);
	append_frame(&t.fake[1], now - 1, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - 1);

	/* An older one on the other CPU comes too late: given out, but time does not go back. */
	append_frame(&t.fake[0], now - 5, 60, 60);
	merge_begin(&t.merge, now + 1, true);
	assert_next(&t.merge, now - 1);
	two_done(&t);
}

/* A second ring begins to be used while we look at the first, which was empty then. */
static void test_second_begins(void)
{
	const uint64_t now = 10 * MERGE_HOLD_NS;
	struct two t;

	two_init(&t);
	append_frame(&t.fake[1], now - 1, 60, 60);
	append_frame(&t.fake[1], now + 2, 60, 60);
	merge_begin(&t.merge, now, false);
	assert_next(&t.merge, now - 1);
	assert_end(&t.merge);
	g_assert_true(merge_is_pending(&t.merge));
	append_frame(&t.fake[0], now + 1, 60, 60);
	merge_begin(&t.merge, now + 3 + MERGE_HOLD_NS, false);
	assert_next(&t.merge, now + 1);
	assert_next(&t.merge, now + 2);
	two_done(&t);
}

static void test_batch_is_bounded(void)
{
	struct two t;

	two_init(&t);
	append_frame(&t.fake[0], 1, 60, 60);
	merge_begin(&t.merge, 100, false);
	append_frame(&t.fake[0], 2, 60, 60);
	assert_next(&t.merge, 1);
	assert_end(&t.merge);
	two_done(&t);
}

static void test_position(void)
{
	struct two t;
	uint64_t end;

	two_init(&t);
	append_frame(&t.fake[0], 1, 60, 60);
	end = t.fake[0].producer;
	append_frame(&t.fake[0], 2, 60, 60);
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1);
	g_assert_cmpuint(t.fake[0].consumer, ==, 0);
	merge_end(&t.merge);
	g_assert_cmpuint(t.fake[0].consumer, ==, end);
	two_done(&t);
}

static void test_busy_and_discarded(void)
{
	uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };
	uint32_t ready = sizeof(body);
	struct two t;
	uint64_t at;

	two_init(&t);
	append(&t.fake[0], body, sizeof(body), BPF_RINGBUF_DISCARD_BIT);
	append_frame(&t.fake[0], 1, 60, 60);
	at = append(&t.fake[0], body, sizeof(body), BPF_RINGBUF_BUSY_BIT);
	append_frame(&t.fake[0], 3, 60, 60);
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1);
	assert_end(&t.merge);
	poke(&t.fake[0], at, &ready, sizeof(ready));
	merge_begin(&t.merge, 100, false);
	assert_next(&t.merge, 1); /* its stamp is 0: still not before the one given out */
	assert_next(&t.merge, 3);
	two_done(&t);
}

static void test_unsound(void)
{
	struct wire_frame short_record = { .ts_ns = 1, .caplen = 1, .len = 1 };
	struct two t;

	two_init(&t);
	append_frame(&t.fake[0], 1, 65, 65); /* says more bytes than the record has */
	append_frame(&t.fake[0], 2, 60, 59); /* says more captured than there was */
	append(&t.fake[0], &short_record, sizeof(short_record), 0);
	append(&t.fake[0], &short_record, 7, 0);
	append_frame(&t.fake[0], 3, 64, 64);
	append(&t.fake[0], &short_record, 8, 0);
	t.fake[0].producer -= 8; /* a length that reaches beyond what was written */
	merge_begin(&t.merge, 100, true);
	assert_next(&t.merge, 3);
	assert_end(&t.merge);
	g_assert_cmpuint(t.merge.refused, ==, 5);
	merge_begin(&t.merge, 100, true);
	assert_end(&t.merge);
	g_assert_cmpuint(t.merge.refused, ==, 5);
	two_done(&t);
}

/* What goes before the bytes has to have room, too. */
static void test_unsound_before(void)
{
	static const struct {
		uint16_t flags;
		uint32_t before;
	} kinds[] = { { WIRE_TRACED, sizeof(struct wire_trace) },
		      { WIRE_STAMPED, sizeof(struct wire_stamp) } };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };
		struct wire_frame *w = (void *)body;
		struct two t;

		two_init(&t);
		w->flags = kinds[i].flags;
		w->len = w->caplen = 64 - kinds[i].before + 1;
		append(&t.fake[0], body, sizeof(body), 0);
		w->len = w->caplen = 64 - kinds[i].before;
		w->ts_ns = 2;
		append(&t.fake[0], body, sizeof(body), 0);
		merge_begin(&t.merge, 100, true);
		assert_next(&t.merge, 2);
		assert_end(&t.merge);
		g_assert_cmpuint(t.merge.refused, ==, 1);
		two_done(&t);
	}
}

/* Many laps with records of odd sizes, so that they wrap around at every offset. */
static void test_wrap(void)
{
	uint8_t body[sizeof(struct wire_frame) + 300];
	struct two t;

	two_init(&t);
	for (uint32_t n = 0; n < 5000; n++) {
		uint32_t caplen = 1 + n % 300;
		const struct wire_frame *w;
		uint64_t ts;

		memset(body, (int)n, sizeof(body));
		*(struct wire_frame *)(void *)body =
			(struct wire_frame){ .ts_ns = n, .caplen = caplen, .len = caplen };
		append(&t.fake[0], body, (uint32_t)sizeof(struct wire_frame) + caplen, 0);
		merge_begin(&t.merge, n, true);
		w = merge_next(&t.merge, &ts);
		g_assert_nonnull(w);
		g_assert_cmpmem(w->data, w->caplen, body + sizeof(*w), caplen);
		merge_end(&t.merge);
	}
	g_assert_cmpuint(t.merge.refused, ==, 0);
	two_done(&t);
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
	return g_test_run();
}
