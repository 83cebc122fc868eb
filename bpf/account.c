/* SPDX-License-Identifier: MIT */
/*
 * Nothing here wraps around: a counter read a moment before another, or a record that names somebody
 * else's slot, may make a difference negative for a while.
 */
#include "bpf/account.h"
#include "bpf/point-link.h"
#include "bpf/tap.h"

static uint64_t subtract(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t lost_in_kernel(const struct tap_stats *s)
{
	return s->lost_full + s->lost_long + s->lost_copy + s->lost_missed;
}

void account_read(const struct account *a, const struct wire_count *count,
		  const struct point_link *link, struct tap_stats *ret)
{
	uint64_t unwritten = link->missed + link->unfinished;

	*ret = (struct tap_stats){
		.seen = count->seen + link->missed,
		.accepted = count->accepted + unwritten,
		.lost_full = count->lost[WIRE_LOST_FULL],
		.lost_long = count->lost[WIRE_LOST_LONG],
		.lost_copy = count->lost[WIRE_LOST_COPY],
		.lost_missed = count->lost[WIRE_LOST_EXIT] + unwritten,
		.lost_invalid = a->invalid,
		.taken = a->taken,
	};
	ret->pending = subtract(ret->accepted, lost_in_kernel(ret) + a->invalid + a->taken);
}

void account_close(struct account *a, const struct wire_count *count, const struct point_link *link)
{
	struct tap_stats s;

	account_read(a, count, link, &s);
	a->invalid = subtract(s.accepted, lost_in_kernel(&s) + a->taken);
}
