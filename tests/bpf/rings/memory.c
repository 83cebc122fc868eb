/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <linux/bpf.h>
#include <string.h>

#include "tests/bpf/rings/memory.h"

void memory_init(struct memory *m)
{
	memset(m->rings, 0, sizeof(m->rings));
	g_assert_cmpint(merge_init(&m->merge, 2), ==, 0);
	for (int i = 0; i < 2; i++)
		m->merge.inputs[i].ring = (struct ring){
			.size = MEMORY_SIZE,
			.consumer = &m->rings[i].consumer,
			.producer = &m->rings[i].producer,
			.data = m->rings[i].data,
		};
}

/* Rings in plain memory must not be unmapped. */
void memory_done(struct memory *m)
{
	for (int i = 0; i < 2; i++)
		m->merge.inputs[i].ring = (struct ring){ 0 };
	merge_done(&m->merge);
}

void memory_poke(struct memory_ring *r, uint64_t pos, const void *from, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t at = (pos + i) % MEMORY_SIZE;

		r->data[at] = r->data[at + MEMORY_SIZE] = ((const uint8_t *)from)[i];
	}
}

uint64_t memory_append(struct memory_ring *r, const void *body, uint32_t len, uint32_t flags)
{
	uint64_t at = r->producer;
	uint32_t word = len | flags;

	memory_poke(r, at, &word, sizeof(word));
	memory_poke(r, at + BPF_RINGBUF_HDR_SZ, body, len);
	r->producer = at + ((len + BPF_RINGBUF_HDR_SZ + 7) & ~7U);
	return at;
}

void memory_append_frame(struct memory_ring *r, uint64_t ts_ns, uint32_t caplen, uint32_t len)
{
	uint8_t body[sizeof(struct wire_frame) + 64] = { 0 };

	*(struct wire_frame *)(void *)body =
		(struct wire_frame){ .ts_ns = ts_ns, .caplen = caplen, .len = len };
	memory_append(r, body, sizeof(body), 0);
}
