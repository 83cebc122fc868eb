/* SPDX-License-Identifier: MIT */
/* memory-file.h - bytes as a file without a name */
#ifndef TESTS_FUZZ_MEMORY_FILE_H
#define TESTS_FUZZ_MEMORY_FILE_H

#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The caller closes it. */
static inline int memory_file(const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, data, len), ==, len);
	return fd;
}

#endif /* TESTS_FUZZ_MEMORY_FILE_H */
