/* SPDX-License-Identifier: MIT */
/* pages.c - large buffers that come from the kernel and go back to it */
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pcapng/pages.h"

static uint8_t *map(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

/* More than is needed, and without what comes before and after the multiple. */
static uint8_t *map_aligned(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), all = size + PAGES_HUGE - page, before, after;
	uint8_t *pages = map(all);

	if (!pages)
		return NULL;
	before = -(uintptr_t)pages % PAGES_HUGE;
	after = all - size - before;
	if (before)
		munmap(pages, before);
	if (after)
		munmap(pages + before + size, after);
	/* Without huge pages, or with others' settings, these are small ones. */
	(void)madvise(pages + before, size, MADV_HUGEPAGE);
	return pages + before;
}

uint8_t *pages_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	size = (size + page - 1) / page * page;
	return size < PAGES_HUGE ? map(size) : map_aligned(size);
}

void pages_free(uint8_t *pages, size_t size)
{
	if (pages)
		munmap(pages, size);
}
