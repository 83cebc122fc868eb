/* SPDX-License-Identifier: MIT */
/*
 * Structs of a caller that is older or newer than the library. They begin with their size in the caller's
 * header. Members that an older caller lacks are zero; a newer one must not set what the library lacks.
 */
#ifndef XDPTAP_BPF_XDPTAP_SIZED_H
#define XDPTAP_BPF_XDPTAP_SIZED_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Any larger `size` is uninitialized memory. */
#define SIZED_MAX 4096

/*
 * An older library would take padding after the last member for a setting and refuse it. Put this assertion
 * next to each call of sized_read() and sized_write().
 */
#define SIZED_ENDS_WITH(type, member)                                                              \
	_Static_assert(offsetof(struct type, member) + sizeof(((struct type *)0)->member) ==       \
			       sizeof(struct type),                                                \
		       "struct " #type " ends with padding")

/* The size of the caller's struct, or 0: not set. */
static inline size_t sized_of(const void *theirs)
{
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	return size < sizeof(size) || size > SIZED_MAX ? 0 : size;
}

/*
 * Copies the struct at `theirs` to the `known` bytes at `ours`. Returns 0; -EINVAL if its size is not set;
 * -E2BIG if it sets a member that this library does not know.
 */
static inline int sized_read(void *ours, size_t known, const void *theirs)
{
	const uint8_t *bytes = theirs;
	size_t size = sized_of(theirs);

	if (!size)
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(ours, 0, known);
	memcpy(ours, theirs, size < known ? size : known);
	return 0;
}

/*
 * Copies the `known` bytes at `ours` to the caller's struct, but for its size. What this library does not know
 * becomes zero. The caller has checked sized_of().
 */
static inline void sized_write(void *theirs, const void *ours, size_t known)
{
	size_t size = sized_of(theirs), head = sizeof(size);

	memset((uint8_t *)theirs + head, 0, size - head);
	memcpy((uint8_t *)theirs + head, (const uint8_t *)ours + head,
	       (size < known ? size : known) - head);
}

#endif
