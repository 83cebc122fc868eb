/* SPDX-License-Identifier: MIT */
/*
 * Accounts close whatever nonsense the rings hold: in each slot, every accepted frame is given out, lost
 * or pending, before and after the rings are drained to the end.
 */
#include <glib.h>
#include <string.h>

#include "bpf/account.h"
#include "bpf/point-link.h"
#include "bpf/tap.h"
#include "tests/bpf/rings/memory.h"

#define SLOTS 2

/* What tap.c has: an account for each slot, and the kernel's side of it. */
struct fixture {
	struct memory memory;
	struct account accounts[SLOTS];
	struct wire_count counts[SLOTS];
	struct point_link links[SLOTS];
	uint64_t ts_ns;
};

static void on_refused(void *user, uint32_t slot)
{
	struct fixture *f = user;

	if (slot < SLOTS)
		f->accounts[slot].invalid++;
}

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	memory_init(&f->memory);
	f->memory.merge.refuse = on_refused;
	f->memory.merge.user = f;
}

/* The kernel accepts a frame of a slot; its record says "says" for the slot, and may be cut short. */
static uint64_t accept_frame(struct fixture *f, uint32_t slot, uint16_t says, uint32_t caplen,
			     uint32_t record_len)
{
	uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };

	f->counts[slot].seen++;
	f->counts[slot].accepted++;
	*(struct wire_frame *)(void *)body = (struct wire_frame){
		.ts_ns = ++f->ts_ns, .len = caplen, .caplen = caplen, .slot = says
	};
	return memory_append(&f->memory.rings[0], body, record_len, 0);
}

#define WHOLE (sizeof(struct wire_frame) + 64)

static void drain(struct fixture *f)
{
	const struct wire_frame *w;
	uint64_t ts;

	merge_begin(&f->memory.merge, f->ts_ns, true);
	while ((w = merge_next(&f->memory.merge, &ts)))
		if (w->slot < SLOTS)
			f->accounts[w->slot].taken++;
	merge_end(&f->memory.merge);
}

static struct tap_stats read_slot(const struct fixture *f, uint32_t slot)
{
	struct tap_stats s;

	account_read(&f->accounts[slot], &f->counts[slot], &f->links[slot], &s);
	return s;
}

static void close_all(struct fixture *f)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		struct tap_stats s;

		account_close(&f->accounts[slot], &f->counts[slot], &f->links[slot]);
		s = read_slot(f, slot);
		g_assert_cmpuint(s.pending, ==, 0);
		g_assert_cmpuint(s.seen, >=, s.accepted);
		g_assert_cmpuint(s.accepted, ==,
				 s.taken + s.lost_full + s.lost_long + s.lost_copy + s.lost_missed +
					 s.lost_invalid);
	}
}

static void test_sound(void)
{
	struct fixture f;

	setup(&f);
	for (int i = 0; i < 5; i++)
		accept_frame(&f, 0, 0, 60, WHOLE);
	g_assert_cmpuint(read_slot(&f, 0).pending, ==, 5);
	drain(&f);
	g_assert_cmpuint(read_slot(&f, 0).pending, ==, 0);
	f.counts[0] = (struct wire_count){ .seen = 20, .accepted = 11, .lost = { 1, 2, 3 } };
	close_all(&f);
	g_assert_cmpuint(read_slot(&f, 0).lost_invalid, ==, 0);
	memory_done(&f.memory);
}

/* Lengths that contradict each other count at once, for the slot that the record names. */
static void test_lengths(void)
{
	struct fixture f;

	setup(&f);
	accept_frame(&f, 1, 1, 60, WHOLE);
	accept_frame(&f, 1, 1, 65, WHOLE);
	accept_frame(&f, 0, 0, 65, WHOLE);
	drain(&f);
	g_assert_cmpuint(read_slot(&f, 1).lost_invalid, ==, 1);
	g_assert_cmpuint(read_slot(&f, 0).lost_invalid, ==, 1);
	g_assert_cmpuint(read_slot(&f, 0).pending, ==, 0);
	close_all(&f);
	g_assert_cmpuint(read_slot(&f, 1).lost_invalid, ==, 1);
	g_assert_cmpuint(read_slot(&f, 1).taken, ==, 1);
	memory_done(&f.memory);
}

/* A record too short to name a slot, one that names no slot, and one that names the wrong one. */
static void test_slots(void)
{
	struct fixture f;

	setup(&f);
	accept_frame(&f, 1, 1, 60, 8);
	accept_frame(&f, 1, 9, 60, WHOLE);
	accept_frame(&f, 1, 0, 65, WHOLE);
	accept_frame(&f, 1, 1, 60, WHOLE);
	drain(&f);
	g_assert_cmpuint(read_slot(&f, 1).lost_invalid, ==, 0);
	g_assert_cmpuint(read_slot(&f, 1).pending, ==, 3);
	g_assert_cmpuint(read_slot(&f, 0).pending, ==,
			 0); /* although it has a loss and no accepted frame */
	close_all(&f);
	g_assert_cmpuint(read_slot(&f, 1).lost_invalid, ==, 3);
	g_assert_cmpuint(read_slot(&f, 0).lost_invalid, ==, 0);
	memory_done(&f.memory);
}

/* After an impossible length nothing can be read: what follows shows as a shortfall at the end. */
static void test_broken(void)
{
	const uint32_t huge = 1 << 20;
	struct fixture f;
	uint64_t at;

	setup(&f);
	accept_frame(&f, 0, 0, 60, WHOLE);
	at = accept_frame(&f, 0, 0, 60, WHOLE);
	accept_frame(&f, 1, 1, 60, WHOLE);
	memory_poke(&f.memory.rings[0], at, &huge, sizeof(huge));
	memory_append_frame(&f.memory.rings[1], ++f.ts_ns, 60, 60); /* the other ring goes on */
	f.counts[0].accepted++;
	f.counts[0].seen++;
	drain(&f);
	drain(&f);
	g_assert_cmpuint(f.memory.merge.n_broken, ==, 1);
	close_all(&f);
	g_assert_cmpuint(read_slot(&f, 0).taken, ==, 2);
	g_assert_cmpuint(read_slot(&f, 0).lost_invalid, ==, 1);
	g_assert_cmpuint(read_slot(&f, 1).lost_invalid, ==, 1);
	memory_done(&f.memory);
}

/* What the link of a traced program knows: frames never seen, and runs that did not end. */
static void test_traced(void)
{
	struct tap_stats s;
	struct fixture f;

	setup(&f);
	accept_frame(&f, 0, 0, 60, WHOLE);
	f.counts[0].seen++; /* unfinished */
	f.links[0] = (struct point_link){ .missed = 4, .unfinished = 1 };
	drain(&f);
	close_all(&f);
	s = read_slot(&f, 0);
	g_assert_cmpuint(s.seen, ==, 6);
	g_assert_cmpuint(s.accepted, ==, 6);
	g_assert_cmpuint(s.lost_missed, ==, 5);
	g_assert_cmpuint(s.lost_invalid, ==, 0);
	memory_done(&f.memory);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/account/sound", test_sound);
	g_test_add_func("/account/lengths", test_lengths);
	g_test_add_func("/account/slots", test_slots);
	g_test_add_func("/account/broken", test_broken);
	g_test_add_func("/account/traced", test_traced);
	return g_test_run();
}
