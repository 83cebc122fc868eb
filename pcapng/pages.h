/* SPDX-License-Identifier: MIT */
/*
 * pages.h - large buffers that come from the kernel and go back to it
 *
 * An allocator keeps what is freed, for the next time; what a queue holds after a stall is too much for
 * that. It begins at a multiple of a huge page if it is that large: then it is made of huge pages where
 * the machine has some. The first touch and direct I/O cost a fifth of what they do with small ones.
 */
#ifndef PCAPNG_PAGES_H
#define PCAPNG_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* The size of a huge page, on most machines. */
#define PAGES_HUGE (2u << 20)

/* `size` bytes; NULL: there is no memory. */
uint8_t *pages_new(size_t size);

/* `size` as for pages_new(). NULL: no-op. */
void pages_free(uint8_t *pages, size_t size);

#endif /* PCAPNG_PAGES_H */
