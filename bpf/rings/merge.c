/* SPDX-License-Identifier: MIT */
/*
 * The merge of the rings: a heap of the inputs that have a record, the earliest on top. Frames arrive
 * in bursts, one CPU at a time: the top is read as long as it stays earlier than the second-earliest
 * was, and only then does the heap change.
 *
 * In the kernel, 64 queues on 64 CPUs share nothing: ring, counters and wake-up word belong to one CPU.
 * Here the number of rings costs its logarithm for each burst.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "bpf/rings/merge.h"

#define IN_USE_NS 100000000 /* how long a ring counts as in use after its last record */

int merge_init(struct merge *m, unsigned int n_inputs)
{
	*m = (struct merge){
		.inputs = calloc(n_inputs, sizeof(*m->inputs)),
		.heads = calloc(n_inputs, sizeof(*m->heads)),
	};
	if (!m->inputs || !m->heads)
		return -ENOMEM;
	m->n_inputs = n_inputs;
	return 0;
}

/* The heap is built anew with each batch, and refers to no input until then. */
int merge_add(struct merge *m, const struct ring *ring)
{
	unsigned int n = m->n_inputs + 1;
	struct merge_input *inputs = realloc(m->inputs, n * sizeof(*inputs));
	struct merge_head *heads;

	if (!inputs)
		return -ENOMEM;
	m->inputs = inputs;
	heads = realloc(m->heads, n * sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	m->heads = heads;
	m->inputs[m->n_inputs++] = (struct merge_input){ .ring = *ring };
	return 0;
}

void merge_done(struct merge *m)
{
	for (unsigned int i = 0; i < m->n_inputs; i++)
		ring_done(&m->inputs[i].ring);
	free(m->inputs);
	free(m->heads);
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
	else if (w->flags & WIRE_DROPPED)
		head += sizeof(struct wire_drop);
	else if (w->flags & WIRE_IDENTIFIED)
		head += sizeof(struct wire_id);
	if (w->flags & WIRE_OWNED)
		head += sizeof(struct wire_owner);
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
static inline __attribute__((always_inline)) void fill(struct merge *m, struct merge_input *in)
{
	const void *data;
	uint32_t len;

	for (;;) {
		enum ring_state state = ring_peek(&in->ring, &data, &len);

		if (state != RING_RECORD) {
			in->head = NULL;
			in->is_broken = state == RING_BROKEN;
			m->n_broken += in->is_broken;
			return;
		}
		if (is_sound(data, len)) {
			in->head = data;
			return;
		}
		refuse(m, data, len);
		ring_next(&in->ring);
	}
}

/* Moves a head, which is not in the heap, down from `i` to its place there. */
static void sift(struct merge *m, unsigned int i, struct merge_head head)
{
	unsigned int child;

	while ((child = 2 * i + 1) < m->n_heads) {
		child += child + 1 < m->n_heads &&
			 m->heads[child + 1].ts_ns < m->heads[child].ts_ns;
		if (head.ts_ns <= m->heads[child].ts_ns)
			break;
		m->heads[i] = m->heads[child];
		i = child;
	}
	m->heads[i] = head;
}

/* After a change of the heap. */
static void find_second(struct merge *m)
{
	m->second_ns = UINT64_MAX;
	for (unsigned int i = 1; i < 3 && i < m->n_heads; i++)
		if (m->heads[i].ts_ns < m->second_ns)
			m->second_ns = m->heads[i].ts_ns;
}

/* The first input has another head, or none. */
static void reorder(struct merge *m, struct merge_input *in)
{
	if (in->head)
		sift(m, 0, (struct merge_head){ in->head->ts_ns, in });
	else if (--m->n_heads)
		sift(m, 0, m->heads[m->n_heads]);
	find_second(m);
}

static void build_heap(struct merge *m)
{
	m->n_heads = 0;
	for (struct merge_input *in = m->inputs; in < m->inputs + m->n_inputs; in++)
		if (in->head)
			m->heads[m->n_heads++] = (struct merge_head){ in->head->ts_ns, in };
	for (unsigned int i = m->n_heads / 2; i-- > 0;)
		sift(m, i, m->heads[i]);
	find_second(m);
}

void merge_begin(struct merge *m, uint64_t now_ns, bool all)
{
	unsigned int in_use = 0;

	for (unsigned int i = 0; i < m->n_inputs; i++) {
		struct merge_input *in = &m->inputs[i];

		ring_refresh(&in->ring);
		if (!in->head && !in->is_broken)
			fill(m, in);
		if (in->head)
			in->used_ns = now_ns;
		in_use += in->used_ns && now_ns - in->used_ns < IN_USE_NS;
	}
	/* Also with a single ring in use: another may have been filled since we looked at it. */
	m->limit_ns = all ? UINT64_MAX : in_use < 2 ? now_ns : now_ns - MERGE_HOLD_NS;
	build_heap(m);
}

const struct wire_frame *merge_next(struct merge *m, uint64_t *ret_ns)
{
	struct merge_head *first = m->heads;
	struct merge_input *in = first->input;
	const struct wire_frame *w;

	if (!m->n_heads || first->ts_ns > m->limit_ns)
		return NULL;
	if (first->ts_ns > m->last_ns)
		m->last_ns = first->ts_ns;
	*ret_ns = m->last_ns;
	w = in->head;
	ring_next(&in->ring);
	fill(m, in);
	if (!in->head || in->head->ts_ns > m->second_ns)
		reorder(m, in);
	else
		first->ts_ns = in->head->ts_ns;
	return w;
}

void merge_end(struct merge *m)
{
	for (unsigned int i = 0; i < m->n_inputs; i++)
		ring_release(&m->inputs[i].ring);
}

bool merge_is_pending(const struct merge *m)
{
	return m->n_heads;
}
