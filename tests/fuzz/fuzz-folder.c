/* SPDX-License-Identifier: MIT */
/* fuzz-folder.c - any names and contents in the folder of a set: scanned safely, strangers untouched */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pcapng/files.h"
#include "tests/fuzz/memory-file.h"
#include "tests/fuzz/target.h"

/* A folder of this process, on the first call. */
static int folder_fd(char path[64])
{
	static int fd = -1;

	snprintf(path, 64, "/tmp/fuzz-folder-%d", getpid());
	if (fd < 0) {
		g_assert_cmpint(mkdir(path, 0700), ==, 0);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		g_assert_cmpint(fd, >=, 0);
	}
	return fd;
}

static void plant(int folder, const char *name, const uint8_t *data, size_t len)
{
	int fd = openat(folder, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	g_assert_cmpint(write(fd, data, len), ==, len);
	close(fd);
}

static void empty(const char *path)
{
	GDir *folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		unlink(file);
	}
	if (folder)
		g_dir_close(folder);
}

/* Input: up to eight files: length of the name, words of content, name, content. */
static void plant_all(int folder, const uint8_t *data, size_t len)
{
	for (int i = 0; i < 8 && len > 2; i++) {
		size_t name_len = data[0] < len - 2 ? data[0] : len - 2, content;
		char name[256] = "";

		memcpy(name, data + 2, name_len);
		content = 4u * data[1];
		data += 2 + name_len;
		len -= 2 + name_len;
		content = content < len ? content : len;
		if (*name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."))
			plant(folder, name, data, content);
		data += content;
		len -= content;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64], cap[96];
	int folder = folder_fd(path);
	const struct pcapng_section section = { .userappl = "xdptap 1" };
	struct pcapng_files_config config = { .size = sizeof(config),
					      .path = cap,
					      .keep_files = 1 };
	struct pcapng_files *f;
	struct stat st;

	snprintf(cap, sizeof(cap), "%s/cap.pcapng", path);
	plant_all(folder, data, len);
	plant(folder, "stranger.pcapng", data, len);
	g_assert_cmpint(pcapng_files_new(&section, NULL, &config, &f), ==, 0);
	g_assert_cmpint(pcapng_files_close(f), ==, 0);
	pcapng_files_free(f);
	g_assert_cmpint(fstatat(folder, "stranger.pcapng", &st, 0), ==, 0);
	g_assert_cmpint(st.st_size, ==, len);
	empty(path);
	return 0;
}
