/* SPDX-License-Identifier: MIT */
/*
 * test-mounted.c - sets of files on file systems without rename flags and hard links
 *
 * Each file system is created in an image and mounted, by the kernel or by FUSE, in a mount namespace.
 * vfat and exFAT have neither flags nor links, ignore case, and round times to two seconds.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

struct kind {
	const char *name, *make, *mount;
};

/* Commands of sh(1): $0 is the image, $1 the folder. */
static const struct kind kinds[] = {
	{ "vfat", "mkfs.vfat $0", "mount -t vfat -o loop $0 $1" },
	{ "exfat", "mkfs.exfat $0", "mount -t exfat -o loop $0 $1" },
	{ "exfat-fuse", "mkfs.exfat $0",
	  "d=$(losetup -f --show $0) || exit; mount.exfat-fuse $d $1; r=$?; losetup -d $d; exit $r" },
};

/* False: it failed, and the test is skipped with the reason. */
static bool run(const char *command, const char *image, const char *folder)
{
	const char *argv[] = { "/bin/sh", "-c", command, image, folder, NULL };
	g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "PATH",
					     "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", TRUE);
	g_autofree char *out = NULL, *err = NULL;
	g_autoptr(GError) error = NULL;
	int status = 0;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out,
				   &err, &status, &error));
	if (status == 0)
		return true;
	g_strstrip(err)[strcspn(err, "\n")] = '\0';
	g_test_skip(err);
	return false;
}

/* False: skipped. */
static bool set_up(struct capture *c, const struct kind *kind, unsigned int megabytes)
{
	g_autofree char *image = NULL;
	static bool is_alone;
	bool ok;
	int fd;

	if (!is_alone &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
		g_test_skip("no permission to mount");
		return false;
	}
	is_alone = true;
	capture_set_up(c);
	image = g_strconcat(c->folder, ".image", NULL);
	fd = open(image, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, (off_t)megabytes << 20), ==, 0);
	close(fd);
	ok = run(kind->make, image, c->folder) && run(kind->mount, image, c->folder);
	g_unlink(image); /* the mount keeps it */
	if (!ok)
		capture_tear_down(c);
	return ok;
}

static void tear_down(struct capture *c)
{
	g_assert_cmpint(umount2(c->folder, MNT_DETACH), ==, 0);
	capture_tear_down(c);
}

static void plant(const struct capture *c, const char *name)
{
	g_autofree char *path = g_build_filename(c->folder, name, NULL);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, "theirs", 6), ==, 6);
	close(fd);
}

static void check_planted(const struct capture *c, const char *name)
{
	g_autofree char *path = g_build_filename(c->folder, name, NULL), *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "theirs");
	g_unlink(path);
}

/* Files rotate, and the oldest are deleted. */
static void test_rotation(gconstpointer kind)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3, .sync = true } };

	if (!set_up(&c, kind, 8))
		return;
	capture_start(&c);
	capture_add_many(&c, 55);
	capture_stop(&c);
	capture_check_all(&c, 30, 3);
	capture_start(&c); /* those of an earlier run count */
	capture_add_many(&c, 5);
	capture_stop(&c);
	capture_check_all(&c, 40, 3);
	g_assert_cmpuint(c.finished, ==, 7);
	g_assert_cmpuint(c.deleted, ==, 4);
	tear_down(&c);
}

/* An existing file is never replaced, even if its name differs in case. */
static void test_names(gconstpointer kind)
{
	struct capture c = { .config = { .max_packets = 10, .name = "x%{seq}.pcapng" } };

	if (!set_up(&c, kind, 8))
		return;
	plant(&c, "X00001.PCAPNG");
	capture_start(&c); /* x00002 */
	capture_add_many(&c, 5);
	plant(&c, "X00002.pcapng");
	capture_add_many(&c, 20);
	capture_stop(&c);
	check_planted(&c, "x00001.pcapng");
	check_planted(&c, "x00002.pcapng");
	capture_check_all(&c, 0, 3);
	tear_down(&c);
}

/* The .part of a crash is recovered, compressed or not, and counts for retention. */
static void test_recovery(gconstpointer kind)
{
	for (int gzip = 0; gzip < 2; gzip++) {
		struct capture c = {
			.config = { .max_packets = 10, .keep_files = 3, .compression = gzip }
		};
		g_autoptr(GPtrArray) parts = NULL;
		int fd;

		if (!set_up(&c, kind, 8))
			return;
		capture_start(&c);
		capture_add_many(&c, 15);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		pcapng_files_free(c.f);
		parts = capture_list(&c, ".part");
		g_assert_cmpuint(parts->len, ==, 1);
		fd = open(parts->pdata[0], O_WRONLY | O_APPEND | O_CLOEXEC);
		g_assert_cmpint(write(fd, "\6\0\0\0torn", 8), ==, 8);
		close(fd);
		capture_start(&c);
		capture_recover(&c);
		g_assert_cmpuint(c.recovered, ==, 1);
		g_assert_cmpuint(c.left, ==, 0);
		capture_add_many(&c, 5);
		capture_stop(&c);
		capture_check_all(&c, 0, 3);
		capture_start(&c);
		capture_add_many(&c, 5);
		capture_stop(&c);
		capture_check_all(&c, 10, 3);
		tear_down(&c);
	}
}

/* On a full disk, the oldest files are deleted. */
static void test_full(gconstpointer kind)
{
	struct capture c = { .config = { .max_bytes = 300000, .full = PCAPNG_FULL_PRUNE } };
	g_autoptr(GPtrArray) paths = NULL;

	if (!set_up(&c, kind, 8))
		return;
	capture_start(&c);
	for (int i = 0; i < 500000 && c.deleted < 3; i++)
		capture_add_many(&c, 1);
	g_assert_cmpuint(c.deleted, >=, 3);
	capture_stop(&c);
	paths = capture_list(&c, "");
	capture_check(paths);
	g_assert_cmpuint(paths->len, >, 5);
	tear_down(&c);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(gconstpointer kind);
	} tests[] = {
		{ "rotation", test_rotation },
		{ "names", test_names },
		{ "recovery", test_recovery },
		{ "full", test_full },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		for (size_t n = 0; n < G_N_ELEMENTS(tests); n++) {
			g_autofree char *path = g_strdup_printf("/mounted/%s/%s", kinds[i].name,
								tests[n].name);

			g_test_add_data_func(path, &kinds[i], tests[n].fn);
		}
	return g_test_run();
}
