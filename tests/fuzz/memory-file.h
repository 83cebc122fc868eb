/* SPDX-License-Identifier: MIT */
/* memory-file.h - bytes as a file without a name */
#ifndef TESTS_FUZZ_MEMORY_FILE_H
#define TESTS_FUZZ_MEMORY_FILE_H

#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The same file with another content; -1: a new one. The caller closes it or uses it again. */
static inline int memory_file_reuse(int fd, const uint8_t *data, size_t len)
{
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pwrite(fd, data, len, 0), ==, len);
	g_assert_cmpint(ftruncate(fd, len), ==, 0);
	return fd;
}

/* The caller closes it. */
static inline int memory_file(const uint8_t *data, size_t len)
{
	return memory_file_reuse(-1, data, len);
}

#endif /* TESTS_FUZZ_MEMORY_FILE_H */
