/* SPDX-License-Identifier: MIT */
/* test-crash.c - sets of files: torn files, killed programs, full disks */
#include <errno.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

/* A file truncated at any offset becomes valid again and keeps every complete block. */
static void test_recover_everywhere(void)
{
	struct capture c = { 0 };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 3);
	capture_stop(&c);
	/*
	 * The header with the interface, three packets, statistics; and a block whose lengths
	 * differ.
	 */
	g_assert_cmpuint(capture_cut_everywhere(&c, 1), ==, 6);
	capture_tear_down(&c);
}

/* A child writes until it is killed. Its files are recovered, and no flushed packet is lost. */
static void test_killed(void)
{
	for (int round = 0; round < 8; round++) {
		struct capture c = { .config = { .max_bytes = 60000 } };
		uint64_t *flushed = mmap(NULL, sizeof(*flushed), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		g_autoptr(GPtrArray) paths = NULL;
		uint64_t next = 0;
		pid_t child;

		capture_set_up(&c);
		child = fork();
		if (child == 0) {
			capture_start(&c);
			for (;;) {
				capture_add(&c);
				if (pcapng_files_flush(c.f) == 0)
					*flushed = c.written;
			}
		}
		while (!*(volatile uint64_t *)flushed)
			g_usleep(1000);
		g_usleep(round * 2000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		capture_start(&c);
		capture_recover(&c);
		capture_stop(&c);
		g_assert_cmpuint(c.recovered, <=, 1);
		capture_remove_parts(&c);
		paths = capture_list(&c, ".pcapng");
		capture_check(paths);
		for (unsigned int i = 0; i < paths->len; i++)
			capture_read_serials(paths->pdata[i], &next, 60000);
		g_assert_cmpuint(next, >=, *flushed);
		munmap(flushed, sizeof(*flushed));
		capture_tear_down(&c);
	}
}

/* Mounts a disk of 1 MiB; false: no permission. */
static bool mount_small(const char *folder)
{
	static bool done;

	if (!done && unshare(CLONE_NEWNS) < 0)
		return false;
	done = true;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	return mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

/* Added to a policy: with compression. */
#define GZIP 16

static void test_disk_full(gconstpointer data)
{
	enum pcapng_full full = GPOINTER_TO_INT(data) % GZIP;
	bool gzip = GPOINTER_TO_INT(data) / GZIP;
	struct capture c = { .config = { .max_bytes = 300000,
					 .full = full,
					 .compression = gzip ? PCAPNG_COMPRESSION_GZIP
							     : PCAPNG_COMPRESSION_NONE,
					 .compression_level = gzip } };
	const char *suffix = gzip ? ".pcapng.gz" : ".pcapng";
	unsigned int refused = 0;
	int r = 0;

	capture_set_up(&c);
	if (!mount_small(c.folder)) {
		g_test_skip("no permission to mount a small disk");
		capture_tear_down(&c);
		return;
	}
	g_assert_cmpint(capture_start_with(&c,
					   &(struct pcapng_writer_config){ .buffer_size = 65536 }),
			==, 0);
	for (int i = 0; i < 20000 && (r == 0 || r == -EAGAIN); i++) {
		r = capture_add(&c);
		refused += r == -EAGAIN;
	}
	switch (full) {
	case PCAPNG_FULL_STOP:
		g_assert_cmpint(r, ==, -ENOSPC);
		g_assert_cmpint(pcapng_files_close(c.f), ==, -ENOSPC);
		break;
	case PCAPNG_FULL_PRUNE:
		g_assert_cmpint(r, ==, 0);
		g_assert_cmpuint(c.deleted, >, 0);
		g_assert_cmpint(pcapng_files_close(c.f), ==, 0);
		break;
	case PCAPNG_FULL_DROP: {
		g_autoptr(GPtrArray) paths = capture_list(&c, suffix);
		uint64_t next = 0;

		g_assert_cmpuint(refused, >, 0);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, -EAGAIN);
		capture_read_serials(paths->pdata[0], &next, 300000);
		g_unlink(paths->pdata[0]); /* somebody frees space */
		if (c.settles)		   /* for all of the queue */
			g_assert_cmpint(mount(NULL, c.folder, "tmpfs", MS_REMOUNT, "size=8m"), ==,
					0);
		g_assert_cmpint(pcapng_files_close(c.f), ==, 0);
		capture_check_all(&c, next, 0);
	}
	}
	{
		g_autoptr(GPtrArray) paths = capture_list(&c, suffix);
		g_autoptr(GPtrArray) parts = capture_list(&c, ".part");

		g_assert_cmpuint(parts->len, ==, 0);
		capture_check(paths);
	}
	pcapng_files_free(c.f);
	umount2(c.folder, MNT_DETACH);
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/files/recover-everywhere", test_recover_everywhere);
	g_test_add_func("/files/killed", test_killed);
	g_test_add_data_func("/files/full-stop", GINT_TO_POINTER(PCAPNG_FULL_STOP), test_disk_full);
	g_test_add_data_func("/files/full-prune", GINT_TO_POINTER(PCAPNG_FULL_PRUNE),
			     test_disk_full);
	g_test_add_data_func("/files/full-drop", GINT_TO_POINTER(PCAPNG_FULL_DROP), test_disk_full);
	g_test_add_data_func("/files/full-stop-gzip", GINT_TO_POINTER(PCAPNG_FULL_STOP + GZIP),
			     test_disk_full);
	g_test_add_data_func("/files/full-prune-gzip", GINT_TO_POINTER(PCAPNG_FULL_PRUNE + GZIP),
			     test_disk_full);
	g_test_add_data_func("/files/full-drop-gzip", GINT_TO_POINTER(PCAPNG_FULL_DROP + GZIP),
			     test_disk_full);
	return g_test_run();
}
