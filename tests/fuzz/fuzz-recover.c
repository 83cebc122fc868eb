/* SPDX-License-Identifier: MIT */
/* fuzz-recover.c - any file is walked safely, truncated once, and then complete */
#include "pcapng/file/recover.h"
#include "tests/fuzz/memory-file.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int fd = -1;
	uint64_t bytes = 0, end = 0, size = 0;

	fd = memory_file_reuse(fd, data, len);
	if (recover_fd(fd, NULL, &bytes) < 0)
		return 0;
	g_assert_cmpuint(bytes, <=, len);
	g_assert_cmpint(recover_find_end(fd, NULL, &end, &size), ==, 0);
	g_assert_cmpuint(end, ==, bytes);
	g_assert_cmpuint(size, ==, bytes);
	return 0;
}
