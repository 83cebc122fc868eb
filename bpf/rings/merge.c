/* SPDX-License-Identifier: MIT */
/*
 * The merge of the rings. Frames arrive in bursts, one CPU at a time, so the cost is per burst: a look
 * at all heads finds the earliest input, which is then read as long as it stays earlier than the
 * second-earliest was.
 *
 * In the kernel, 64 queues on 64 CPUs share nothing: ring, counters and wake-up word belong to one CPU.
 * Here a burst costs 64 looks. In the worst case, when each frame comes from another CPU than the one
 * before, that is 64 comparisons per frame, next to the hundred nanoseconds it takes to write it. So
 * writing the file is the limit, not the merge.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "bpf/rings/merge.h"

#define IN_USE_NS 100000000 /* how long a ring counts as in use after its last record */

int merge_init(struct merge *m, unsigned int n_inputs)
{
	*m = (struct merge){ .inputs = calloc(n_inputs, sizeof(*m->inputs)) };
	if (!m->inputs)
		return -ENOMEM;
	m->n_inputs = n_inputs;
	return 0;
}

void merge_done(struct merge *m)
{
	for (unsigned int i = 0; i < m->n_inputs; i++)
		ring_done(&m->inputs[i].ring);
	free(m->inputs);
	*m = (struct merge){ 0 };
}

/* Whether the lengths in a record agree with each other and with the record's own. */
static bool is_sound(const struct wire_frame *w, uint32_t len)
{
	uint32_t head = sizeof(*w);

	if (len < head)
		return false;
	if (w->flags & WIRE_TRACED)
		head += sizeof(struct wire_trace);
	else if (w->flags & WIRE_STAMPED)
		head += sizeof(struct wire_stamp);
	return len >= head && w->caplen <= len - head && w->caplen <= w->len;
}

static void refuse(struct merge *m, const struct wire_frame *w, uint32_t len)
{
	m->refused++;
	if (m->refuse && len >= sizeof(*w))
		m->refuse(m->user, w->slot);
}

/*
 * Brings the next sound record of an input to its head. A record that is still being written counts as
 * absent: it was stamped a moment ago, and the hold-back covers that.
 */
static bool fill(struct merge *m, struct merge_input *in)
{
	const void *data;
	uint32_t len;

	while (!in->head && !in->is_broken) {
		enum ring_state state = ring_peek(&in->ring, &data, &len);

		if (state == RING_RECORD && is_sound(data, len)) {
			in->head = data;
		} else if (state == RING_RECORD) {
			refuse(m, data, len);
			ring_next(&in->ring);
		} else {
			in->is_broken = state == RING_BROKEN;
			m->n_broken += in->is_broken;
			break;
		}
	}
	return in->head;
}

void merge_begin(struct merge *m, uint64_t now_ns, bool all)
{
	unsigned int in_use = 0;

	for (unsigned int i = 0; i < m->n_inputs; i++) {
		struct merge_input *in = &m->inputs[i];

		ring_refresh(&in->ring);
		if (fill(m, in))
			in->used_ns = now_ns;
		in_use += in->used_ns && now_ns - in->used_ns < IN_USE_NS;
	}
	/* Also with a single ring in use: another may have been filled since we looked at it. */
	m->limit_ns = all ? UINT64_MAX : in_use < 2 ? now_ns : now_ns - MERGE_HOLD_NS;
	m->current = NULL;
}

/* Makes the input with the earliest head current, up to the time of the second-earliest. */
static void choose(struct merge *m)
{
	m->current = NULL;
	m->current_until = m->limit_ns;
	for (unsigned int i = 0; i < m->n_inputs; i++) {
		struct merge_input *in = &m->inputs[i];

		if (!in->head)
			continue;
		if (!m->current || in->head->ts_ns < m->current->head->ts_ns) {
			if (m->current && m->current->head->ts_ns < m->current_until)
				m->current_until = m->current->head->ts_ns;
			m->current = in;
		} else if (in->head->ts_ns < m->current_until) {
			m->current_until = in->head->ts_ns;
		}
	}
}

const struct wire_frame *merge_next(struct merge *m, uint64_t *ret_ns)
{
	const struct wire_frame *w;

	if (!m->current || !m->current->head || m->current->head->ts_ns > m->current_until)
		choose(m);
	if (!m->current || m->current->head->ts_ns > m->limit_ns)
		return NULL;
	w = m->current->head;
	m->current->head = NULL;
	ring_next(&m->current->ring);
	(void)fill(m, m->current);
	if (w->ts_ns > m->last_ns)
		m->last_ns = w->ts_ns;
	*ret_ns = m->last_ns;
	return w;
}

void merge_end(struct merge *m)
{
	for (unsigned int i = 0; i < m->n_inputs; i++)
		ring_release(&m->inputs[i].ring);
}

bool merge_is_pending(const struct merge *m)
{
	for (unsigned int i = 0; i < m->n_inputs; i++)
		if (m->inputs[i].head)
			return true;
	return false;
}
