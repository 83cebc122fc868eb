/* SPDX-License-Identifier: MIT */
/*
 * section.c - which program wrote a file, by its section header
 *
 * Anybody may have written the file, so every length is checked against the bytes that were read.
 */
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/files.h"
#include "pcapng/file/gzip.h"
#include "pcapng/folder/section.h"

#define READ_MAX (256u << 10) /* bytes of a section header that are looked at */

/* [pcapng §section_shb] type, length, magic, version, section length; then options, then length */
#define OPTIONS_AT 24

static uint32_t get_32(const uint8_t *at, bool swap)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return swap ? bswap_32(v) : v;
}

static uint16_t get_16(const uint8_t *at, bool swap)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return swap ? bswap_16(v) : v;
}

/* The header's length, 0 if it is not complete within `n` bytes. */
static size_t header_len(const uint8_t *data, size_t n, bool *swap)
{
	uint32_t total;

	if (n < OPTIONS_AT + 4 || get_32(data, false) != PCAPNG_BLOCK_SHB)
		return 0;
	*swap = get_32(data + 8, true) == PCAPNG_MAGIC;
	if (!*swap && get_32(data + 8, false) != PCAPNG_MAGIC)
		return 0;
	total = get_32(data + 4, *swap);
	if (total < OPTIONS_AT + 4 || total % 4 || total > n)
		return 0;
	return get_32(data + total - 4, *swap) == total ? total : 0;
}

/* The first shb_userappl before `end`; NULL: none. */
static const uint8_t *find_userappl(const uint8_t *at, const uint8_t *end, bool swap, size_t *len)
{
	while (end - at >= 4) {
		uint16_t code = get_16(at, swap);
		size_t padded;

		*len = get_16(at + 2, swap);
		padded = (*len + 3) & ~(size_t)3;
		at += 4;
		if (code == 0 || padded > (size_t)(end - at))
			return NULL;
		if (code == PCAPNG_SHB_USERAPPL)
			return at;
		at += padded;
	}
	return NULL;
}

static bool names(const uint8_t *data, size_t n, const char *program)
{
	size_t wanted = program ? strcspn(program, " ") : 0, len = 0;
	const uint8_t *text, *space;
	bool swap = false;
	size_t total = header_len(data, n, &swap);

	if (!total)
		return false;
	text = find_userappl(data + OPTIONS_AT, data + total - 4, swap, &len);
	if (!text)
		return wanted == 0;
	space = memchr(text, ' ', len);
	if (space)
		len = space - text;
	return len == wanted && !memcmp(text, program ? program : "", wanted);
}

static size_t read_start(int fd, uint8_t *data, size_t max)
{
	ssize_t n = gzip_is_one(fd) ? (ssize_t)gzip_read_start(fd, data, max)
				    : pread(fd, data, max, 0);

	return n > 0 ? (size_t)n : 0;
}

/* A folder may hold 100 000 files: of most, the first page is enough. */
bool section_is_by(int fd, const char *program)
{
	uint8_t page[4096], *data;
	size_t n = read_start(fd, page, sizeof(page));
	bool swap = false, is_by;

	if (n < sizeof(page) || header_len(page, n, &swap))
		return names(page, n, program);
	data = malloc(READ_MAX);
	if (!data)
		return false;
	is_by = names(data, read_start(fd, data, READ_MAX), program);
	free(data);
	return is_by;
}

int section_open(int folder, const char *file, bool is_part)
{
	int flags = (is_part ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int fd;

	if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (is_part && st.st_nlink > 1))
		return -EINVAL;
	fd = openat(folder, file, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (is_part && st.st_nlink > 1)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}
