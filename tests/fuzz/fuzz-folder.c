/* SPDX-License-Identifier: MIT */
/*
 * fuzz-folder.c - any names and contents in the folder of a set: scanned safely, strangers untouched
 *
 * The folder is in memory, for speed. Everything else is as in a capture, including the recovery thread.
 */
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/files.h"
#include "tests/fuzz/target.h"

#define STRANGER "stranger.pcapng"

static char folder_path[64];

static void remove_folder(void)
{
	char stranger[96];

	snprintf(stranger, sizeof(stranger), "%s/" STRANGER, folder_path);
	unlink(stranger);
	rmdir(folder_path);
}

static void plant(int folder, const char *name, const uint8_t *data, size_t len)
{
	int fd = openat(folder, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	g_assert_cmpint(write(fd, data, len), ==, len);
	close(fd);
}

/* The first call creates a folder for this process, with somebody else's file in it. */
static DIR *open_folder(void)
{
	static DIR *folder;
	const char *root;

	if (folder)
		return folder;
	root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(folder_path, sizeof(folder_path), "%s/fuzz-folder-%d", root, getpid());
	g_assert_cmpint(mkdir(folder_path, 0700), ==, 0);
	folder = opendir(folder_path);
	g_assert_nonnull(folder);
	atexit(remove_folder);
	plant(dirfd(folder), STRANGER, (const uint8_t *)STRANGER, strlen(STRANGER));
	return folder;
}

/* Removes what a run left. The stranger must be untouched. */
static void clean(DIR *folder)
{
	struct dirent *entry;
	struct stat st;

	rewinddir(folder);
	while ((entry = readdir(folder)))
		if (entry->d_type == DT_REG && strcmp(entry->d_name, STRANGER))
			unlinkat(dirfd(folder), entry->d_name, 0);
	g_assert_cmpint(fstatat(dirfd(folder), STRANGER, &st, 0), ==, 0);
	g_assert_cmpint(st.st_size, ==, strlen(STRANGER));
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
		if (*name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..") &&
		    strcmp(name, STRANGER))
			plant(folder, name, data, content);
		data += content;
		len -= content;
	}
}

/* Ticks until recovery is over. Nothing else is due by time. */
static void recover_all(struct pcapng_files *f)
{
	while (pcapng_files_timeout_ms(f) >= 0) {
		g_assert_cmpint(pcapng_files_tick(f), ==, 0);
		usleep(1); /* sched_yield() would run every other process first */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	DIR *folder = open_folder();
	char cap[96];
	const struct pcapng_section section = { .userappl = "xdptap 1" };
	struct pcapng_files_config config = { .size = sizeof(config),
					      .path = cap,
					      .keep_files = 3 };
	const struct pcapng_writer_config writer = { .size = sizeof(writer), .buffer_size = 4096 };
	struct pcapng_files *f;

	snprintf(cap, sizeof(cap), "%s/cap.pcapng", folder_path);
	plant_all(dirfd(folder), data, len);
	g_assert_cmpint(pcapng_files_new(&section, &writer, &config, &f), ==, 0);
	if (len % 4) /* a quarter of the captures end at once */
		recover_all(f);
	g_assert_cmpint(pcapng_files_close(f), ==, 0);
	pcapng_files_free(f);
	clean(folder);
	return 0;
}
