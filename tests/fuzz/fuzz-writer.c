/* SPDX-License-Identifier: MIT */
/* fuzz-writer.c - any sequence of calls writes complete blocks */
#include <unistd.h>

#include "pcapng/file/recover.h"
#include "tests/fuzz/memory-file.h"
#include "tests/fuzz/script.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	g_autoptr(GByteArray) file = g_byte_array_new();
	uint64_t end = 0, size = 0;
	int fd;

	script_run(data, len, file, NULL);
	if (!file->len)
		return 0;
	fd = memory_file(file->data, file->len);
	g_assert_cmpint(recover_find_end(fd, NULL, &end, &size), ==, 0);
	g_assert_cmpuint(end, ==, file->len);
	close(fd);
	return 0;
}
