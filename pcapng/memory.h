/* SPDX-License-Identifier: MIT */
/* memory.h - a buffer that grows; only for set-up, never for packets */
#ifndef PCAPNG_MEMORY_H
#define PCAPNG_MEMORY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct memory { /* all zero: empty */
	uint8_t *data;
	size_t len;
	size_t size;
};

/* Makes room for `size` bytes in total. 0, or -ENOMEM and nothing has changed. */
static inline int memory_reserve(struct memory *m, size_t size)
{
	uint8_t *data;

	if (size <= m->size)
		return 0;
	if (size < m->size * 2)
		size = m->size * 2;
	data = realloc(m->data, size);
	if (!data)
		return -ENOMEM;
	m->data = data;
	m->size = size;
	return 0;
}

/* 0, or -ENOMEM and nothing has changed. */
static inline int memory_append(struct memory *m, const void *data, size_t len)
{
	int r = memory_reserve(m, m->len + len);

	if (r < 0)
		return r;
	memcpy(m->data + m->len, data, len);
	m->len += len;
	return 0;
}

static inline void memory_reset(struct memory *m)
{
	m->len = 0;
}

static inline void memory_done(struct memory *m)
{
	free(m->data);
}

#endif /* PCAPNG_MEMORY_H */
