/* SPDX-License-Identifier: MIT */
/*
 * config.h - reads a configuration struct of a caller that is older or newer than the library
 *
 * The struct begins with its size in the caller's headers, like those of clone3(2) and openat2(2).
 * The struct of an older caller is shorter: missing members are zero. That of a newer caller is
 * longer: members that this library does not know must be zero, so that no setting is ignored.
 */
#ifndef PCAPNG_CONFIG_H
#define PCAPNG_CONFIG_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Any larger `size` is uninitialized memory. */
#define CONFIG_MAX 4096

/*
 * An older library would take padding after the last member for a setting and refuse it. Put this
 * assertion next to each call of config_read().
 */
#define CONFIG_ENDS_WITH(type, member)                                                             \
	_Static_assert(offsetof(struct type, member) + sizeof(((struct type *)0)->member) ==       \
			       sizeof(struct type),                                                \
		       "struct " #type " ends with padding")

/*
 * Copies the struct at `theirs` to the `known` bytes at `ours`. Returns 0; -EINVAL if its size is
 * not set; -E2BIG if it sets a member that this library does not know.
 */
static inline int config_read(void *ours, size_t known, const void *theirs)
{
	const uint8_t *bytes = theirs;
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	if (size > CONFIG_MAX)
		return -E2BIG;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(ours, 0, known);
	memcpy(ours, theirs, size < known ? size : known);
	memcpy(ours, &known, sizeof(known));
	return 0;
}

#endif /* PCAPNG_CONFIG_H */
