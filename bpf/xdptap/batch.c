/* SPDX-License-Identifier: MIT */
/* Frames and counters, from the engine's structs to the public ones. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/timerfd.h>

#include "bpf/device/device.h"
#include "bpf/xdptap/place.h"
#include "bpf/xdptap/sized.h"
#include "bpf/xdptap/xdptap.h"

#define SAME_BITS                                                                                  \
	(TAP_HASH | TAP_SEGMENTS | TAP_QUEUE | TAP_ID | TAP_VERDICT | TAP_HOST_TIME | TAP_PARTIAL)

_Static_assert(XDPTAP_FRAME_HASH == TAP_HASH && XDPTAP_FRAME_SEGMENTS == TAP_SEGMENTS &&
		       XDPTAP_FRAME_QUEUE == TAP_QUEUE && XDPTAP_FRAME_RUN == TAP_ID &&
		       XDPTAP_FRAME_VERDICT == TAP_VERDICT && XDPTAP_FRAME_HOST == TAP_HOST_TIME &&
		       XDPTAP_FRAME_PARTIAL == TAP_PARTIAL,
	       "the two masks differ");
_Static_assert(!(SAME_BITS & XDPTAP_FRAME_SENT), "a bit has two meanings");
SIZED_ENDS_WITH(xdptap_stats, lost_invalid);
SIZED_ENDS_WITH(xdptap_attachment, reserved);

/* Only the members that the mask names are valid; those that are rare are left alone. */
static inline void convert(const struct tap_frame *f, struct xdptap_frame *ret)
{
	ret->ts_ns = f->ts_ns;
	ret->data = f->data;
	ret->len = f->len;
	ret->caplen = f->caplen;
	ret->lost = f->lost;
	ret->id = f->slot;
	ret->mask = (f->mask & SAME_BITS) | (f->point->is_egress ? XDPTAP_FRAME_SENT : 0);
	ret->queue = f->queue;
	ret->hash = f->hash;
	ret->generation = f->generation;
	if (f->mask & (TAP_ID | TAP_VERDICT)) {
		ret->run = f->id;
		ret->verdict = f->verdict;
	}
}

static int give(void *user, const struct tap_frame *frames, size_t n)
{
	struct xdptap *t = user;
	int r;

	for (size_t i = 0; i < n; i++)
		convert(&frames[i], &t->frames[i]);
	t->given += n;
	r = t->fn(t->user, t->frames, n);
	if (r && !t->result)
		t->result = r;
	return r;
}

/* 0, or a failure. */
static int begin(struct xdptap *t, xdptap_frames_fn fn, void *user)
{
	int r = xdptap_check(t);

	if (r < 0)
		return r;
	if (t->is_draining)
		return journal_fail(&t->journal, -EINVAL, "a batch is being given out");
	t->fn = fn;
	t->user = user;
	t->result = 0;
	t->given = 0;
	t->is_draining = true;
	return 0;
}

/* How many frames were given out, or what fn had to say. */
static int finish(struct xdptap *t)
{
	tap_release(t->tap);
	t->is_draining = false;
	if (t->result < 0)
		return t->result;
	return t->given < INT_MAX ? (int)t->given : INT_MAX;
}

/* Makes the descriptor readable again when the next batch is due. */
static void set_timer(struct xdptap *t)
{
	int ms = t->has_ended ? -1 : tap_wait_ms(t->tap);
	const struct itimerspec when = { .it_value.tv_nsec = ms < 0 ? 0
								    : (ms ? ms : 1) * 1000000L };

	if (ms < 0 && t->wait_ms < 0)
		return;
	t->wait_ms = ms;
	(void)timerfd_settime(t->timer_fd, 0, &when, NULL);
}

/* A CPU that came online has captured frames into another's ring. */
static void add_rings(struct xdptap *t)
{
	int r;

	if (!tap_can_lack_rings(t->tap) || !tap_lacks_rings(t->tap))
		return;
	journal_enter(&t->journal);
	r = tap_add_rings(t->tap);
	journal_leave();
	if (r < 0)
		journal_say(&t->journal, "a CPU that came online shares another's ring: %s",
			    strerror(-r));
}

int xdptap_drain(struct xdptap *t, xdptap_frames_fn fn, void *user)
{
	int r = begin(t, fn, user);

	if (r < 0)
		return r;
	if (!t->has_ended) {
		add_rings(t);
		tap_drain(t->tap, give, t);
	}
	r = finish(t);
	set_timer(t);
	return r;
}

int xdptap_end(struct xdptap *t, xdptap_frames_fn fn, void *user)
{
	int r = begin(t, fn, user);

	if (r < 0)
		return r;
	journal_enter(&t->journal);
	tap_detach(t->tap);
	journal_leave();
	if (!t->has_ended)
		tap_drain_rest(t->tap, give, t);
	t->has_ended = true;
	r = finish(t);
	set_timer(t);
	return r;
}

int xdptap_fd(struct xdptap *t)
{
	int r = xdptap_check(t);

	return r < 0 ? r : t->wait_fd;
}

int xdptap_get_stats(struct xdptap *t, uint32_t id, struct xdptap_stats *ret)
{
	struct xdptap_stats stats;
	struct tap_stats s;
	int r = xdptap_check_id(t, id);

	if (r == 0 && !sized_of(ret))
		r = journal_fail(&t->journal, -EINVAL,
				 "the size of struct xdptap_stats is not set");
	if (r < 0)
		return r;
	r = tap_read_stats(t->tap, id, &s);
	if (r < 0)
		return journal_fail(&t->journal, r, "cannot read the counters: %s", strerror(-r));
	stats = (struct xdptap_stats){
		.seen = s.seen,
		.accepted = s.accepted,
		.delivered = s.taken,
		.pending = s.pending,
		.lost_full = s.lost_full,
		.lost_copy = s.lost_copy + s.lost_long, /* no snaplen permits the latter */
		.lost_missed = s.lost_missed,
		.lost_invalid = s.lost_invalid,
	};
	sized_write(ret, &stats, sizeof(stats));
	return 0;
}

int xdptap_get_attachment(struct xdptap *t, uint32_t id, struct xdptap_attachment *ret)
{
	struct xdptap_attachment attachment;
	const struct entry *e;
	int r = xdptap_check_id(t, id);

	if (r == 0 && !sized_of(ret))
		r = journal_fail(&t->journal, -EINVAL,
				 "the size of struct xdptap_attachment is not set");
	if (r < 0)
		return r;
	e = &t->entries[id];
	attachment = (struct xdptap_attachment){
		.ifindex = t->has_ended ? 0 : tap_find_place(t->tap, id).ifindex,
		.point = place_name(e->point),
		.mode = (enum xdptap_mode)e->mode,
		.linktype = e->linktype,
		.is_attached = !t->has_ended && tap_is_attached(t->tap, id),
	};
	sized_write(ret, &attachment, sizeof(attachment));
	return 0;
}

uint64_t xdptap_now_ns(struct xdptap *t)
{
	return tap_now_ns(t->tap);
}

uint64_t xdptap_follow_clock(struct xdptap *t)
{
	return tap_follow_clock(t->tap);
}
