/* SPDX-License-Identifier: MIT */
/* See fake-tap.h. An eventfd stands for the rings: it is readable while there are frames to give out. */
#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake-tap.h"

struct tap {
	int fd;
	struct tap_frame frames[TAP_FRAMES]; /* given out together */
	uint8_t data[TAP_FRAMES][FAKE_TAP_FRAME];
};

struct fake_tap fake_tap;
static struct tap tap = { .fd = -1 };

static void wake(void)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(tap.fd, &one, sizeof(one)), ==, sizeof(one));
}

void fake_tap_add_frames(unsigned int n, void (*idle)(void))
{
	fake_tap.n_frames += n;
	fake_tap.idle = idle;
	wake();
}

void tap_set_log(void (*log)(const char *text))
{
	(void)log;
}

int tap_new(const struct tap_config *config, struct tap **ret)
{
	if (fake_tap.new_error)
		return fake_tap.new_error;
	tap.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	fake_tap.is_open = true;
	*ret = &tap;
	return 0;
}

void tap_free(struct tap *t)
{
	if (!t)
		return;
	tap_detach(t);
	for (unsigned int i = 0; i < fake_tap.n_slots; i++)
		g_clear_pointer(&fake_tap.slots[i].filter, g_free);
	close(t->fd);
	fake_tap.is_open = false;
}

static void set_filter(struct fake_slot *s, const struct sock_filter *filter, size_t n)
{
	g_free(s->filter);
	s->filter = g_memdup2(filter, n * sizeof(*filter));
	s->n_filter = n;
}

int tap_attach(struct tap *t, const struct tap_target *target, enum tap_mode *ret_mode)
{
	struct fake_slot *s = &fake_tap.slots[fake_tap.n_slots];

	if (fake_tap.attach_error)
		return fake_tap.attach_error;
	g_assert_cmpuint(fake_tap.n_slots++, <, FAKE_TAP_SLOTS);
	s->ifindex = target->ifindex;
	s->point = target->point;
	set_filter(s, target->filter, target->n_filter);
	*ret_mode = target->point->is_egress ? TAP_MODE_AUTO : TAP_MODE_NATIVE;
	return 0;
}

int tap_set_filter(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
		   uint16_t generation)
{
	struct fake_slot *s = &fake_tap.slots[slot];

	g_assert_cmpuint(slot, <, fake_tap.n_slots);
	if (fake_tap.filter_error)
		return fake_tap.filter_error;
	set_filter(s, filter, n);
	s->generation = generation;
	s->n_changes++;
	return 0;
}

bool tap_read_unit(const struct tap *t, uint64_t cgroup, char ret[TAP_UNIT_SIZE])
{
	return false;
}

uint32_t tap_slots(const struct tap *t)
{
	return fake_tap.n_slots;
}

int tap_move(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
	     uint16_t generation)
{
	const struct tap_target target = {
		.ifindex = fake_tap.slots[slot].ifindex,
		.point = fake_tap.slots[slot].point,
		.filter = filter,
		.n_filter = n,
	};
	enum tap_mode mode;
	int r = tap_attach(t, &target, &mode);

	if (r == 0)
		tap_close(t, slot);
	return r;
}

void tap_close(struct tap *t, uint32_t slot)
{
	fake_tap.slots[slot].ifindex = 0;
	fake_tap.slots[slot].is_gone = true;
}

int tap_check_filter(const struct sock_filter *filter, size_t n, size_t *ret_culprit)
{
	return 0;
}

int tap_print_filter(FILE *to, const struct sock_filter *filter, size_t n, unsigned int ifindex)
{
	return 0;
}

struct tap_place tap_find_place(const struct tap *t, uint32_t slot)
{
	const struct fake_slot *s = &fake_tap.slots[slot == TAP_LAST ? fake_tap.n_slots - 1 : slot];

	return (struct tap_place){ s->ifindex, s->point, NULL };
}

void tap_detach(struct tap *t)
{
	fake_tap.is_detached = true;
}

bool tap_is_attached(const struct tap *t, uint32_t slot)
{
	return !fake_tap.slots[slot].is_gone;
}

int tap_read_addresses(struct tap *t)
{
	return 0;
}

bool tap_asks_netlink(const struct tap *t)
{
	return false;
}

bool tap_needs_netlink(const struct tap *t)
{
	return false;
}

int tap_fd(const struct tap *t)
{
	return t->fd;
}

bool tap_can_lack_rings(const struct tap *t)
{
	return false;
}

bool tap_lacks_rings(const struct tap *t)
{
	return false;
}

int tap_add_rings(struct tap *t)
{
	return 0;
}

static unsigned int n_ready(void)
{
	return fake_tap.n_frames - fake_tap.n_kept_back - fake_tap.n_given;
}

int tap_wait_ms(const struct tap *t)
{
	return n_ready() || fake_tap.idle ? 0 : -1;
}

/* Whether the next frame reaches the reader; counts what became of it. */
static bool passes(struct fake_slot *s, const uint8_t *data)
{
	const struct pcap_pkthdr header = { .caplen = FAKE_TAP_FRAME, .len = FAKE_TAP_FRAME };
	const struct bpf_program program = { .bf_len = (unsigned int)s->n_filter,
					     .bf_insns = (struct bpf_insn *)s->filter };

	s->stats.seen++;
	if (s->n_filter && !pcap_offline_filter(&program, &header, data))
		return false;
	s->stats.accepted++;
	if (!fake_tap.lose_every || s->stats.accepted % fake_tap.lose_every)
		return true;
	s->stats.lost_full++;
	s->gap++;
	return false;
}

/* The next frame, or, if it is lost or filtered out, none. */
static bool make(struct tap_frame *ret, uint8_t *data)
{
	uint32_t number = fake_tap.n_given++, slot = number % fake_tap.n_slots;
	struct fake_slot *s = &fake_tap.slots[slot];

	*ret = (struct tap_frame){
		.ts_ns = 1700000000000000000 + number,
		.data = data,
		.caplen = FAKE_TAP_FRAME,
		.len = FAKE_TAP_FRAME,
		.slot = slot,
		.generation = s->generation,
		.point = s->point,
	};
	memset(data, 0xff, 6);
	data[12] = 0x88; /* IEEE 802 local experimental */
	data[13] = 0xb5;
	memcpy(data + 14, &number, sizeof(number));
	if (!passes(s, data))
		return false;
	ret->lost = s->gap;
	s->gap = 0;
	s->stats.taken++;
	return true;
}

/* Gives out up to n frames; the callback's answer. */
static int give(struct tap *t, unsigned int n, tap_frames_fn fn, void *user)
{
	size_t some = 0;
	int r = 0;

	while (n-- && r == 0) {
		some += make(&t->frames[some], t->data[some]);
		if (some == TAP_FRAMES || !n) {
			r = some ? fn(user, t->frames, some) : 0;
			some = 0;
		}
	}
	return r;
}

static void call_idle(void)
{
	void (*idle)(void) = fake_tap.idle;

	fake_tap.idle = NULL;
	if (idle)
		idle();
}

void tap_drain(struct tap *t, tap_frames_fn fn, void *user)
{
	unsigned int n = MIN(n_ready(), fake_tap.batch ? fake_tap.batch : n_ready());
	uint64_t times;

	(void)!read(t->fd, &times, sizeof(times));
	if (!n)
		call_idle();
	(void)give(t, n, fn, user);
}

void tap_drain_rest(struct tap *t, tap_frames_fn fn, void *user)
{
	g_assert_true(fake_tap.is_detached);
	while (fake_tap.n_given < fake_tap.n_frames)
		(void)give(t, fake_tap.n_frames - fake_tap.n_given, fn, user);
	fake_tap.slots[0].stats.seen += fake_tap.invalid;
	fake_tap.slots[0].stats.accepted += fake_tap.invalid;
	fake_tap.slots[0].stats.lost_invalid += fake_tap.invalid;
}

void tap_release(struct tap *t)
{
}

/* What was given out before must have been copied. */
void tap_free_rings(struct tap *t)
{
	g_assert_cmpuint(fake_tap.n_given, ==, fake_tap.n_frames);
	memset(t->data, 0xee, sizeof(t->data));
}

int tap_read_stats(const struct tap *t, uint32_t slot, struct tap_stats *ret)
{
	*ret = fake_tap.slots[slot].stats;
	return 0;
}

uint64_t tap_now_ns(struct tap *t)
{
	return fake_tap.now_ns;
}

uint64_t tap_ahead_ns(const struct tap *t)
{
	return fake_tap.ahead_ns;
}

uint64_t tap_follow_clock(struct tap *t)
{
	uint64_t back = fake_tap.ahead_ns;

	fake_tap.now_ns -= back;
	fake_tap.ahead_ns = 0;
	return back;
}

int tap_find_program(unsigned int ifindex, struct tap_program *ret)
{
	*ret = (struct tap_program){ .id = 7, .name = "firewall" };
	return 0;
}

const char *tap_version(void)
{
	return "0";
}
