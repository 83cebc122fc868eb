/* SPDX-License-Identifier: MIT */
/* test-strangers.c - a folder that others write to, and file systems that refuse */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

long __wrap_syscall(long number, ...);
int __real_linkat(int from, const char *name, int to, const char *link, int flags);
int __wrap_linkat(int from, const char *name, int to, const char *link, int flags);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

static int rename_error, link_error, unlink_error;
static const char *undeletable = "";

/* The library calls nothing but renameat2() by it. */
long __wrap_syscall(long number, ...)
{
	va_list args;
	int from, to;
	const char *name, *target;

	g_assert_cmpint(number, ==, SYS_renameat2);
	va_start(args, number);
	from = va_arg(args, int);
	name = va_arg(args, const char *);
	to = va_arg(args, int);
	target = va_arg(args, const char *);
	va_end(args);
	if (rename_error) {
		errno = rename_error;
		return -1;
	}
	if (faccessat(to, target, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from, name, to, target);
}

int __wrap_linkat(int from, const char *name, int to, const char *link, int flags)
{
	if (link_error) {
		errno = link_error;
		return -1;
	}
	return __real_linkat(from, name, to, link, flags);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
	if (unlink_error && strstr(name, undeletable)) {
		errno = unlink_error;
		return -1;
	}
	return __real_unlinkat(folder, name, flags);
}

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = 0;

	for (int i = 0; i < iovcnt; i++) {
		g_byte_array_append(user, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	return n;
}

/* A file with this section and one interface of this name. */
static void plant(const char *folder, const char *name, const struct pcapng_section *section,
		  const char *interface)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct pcapng_writer *w;

	g_assert_cmpint(pcapng_writer_new(section, NULL, output, bytes, &w), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(w,
						    &(struct pcapng_interface){ .linktype = 1,
										.name = interface },
						    NULL),
			==, 0);
	g_assert_cmpint(pcapng_writer_flush(w), ==, 0);
	pcapng_writer_free(w);
	g_assert_true(g_file_set_contents(path, (char *)bytes->data, bytes->len, NULL));
}

static bool is_there(const struct capture *c, const char *name)
{
	g_autofree char *path = g_build_filename(c->folder, name, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK);
}

/* Only the section header's userappl makes a file ours, in either byte order. */
static void test_owner(void)
{
	static const struct {
		const char *name, *userappl, *hardware, *interface;
		enum pcapng_order order;
		bool is_ours;
	} files[] = {
		{ "cap_00001_20240101000000.pcapng", "Dumpcap", "test-files", "eth0", 0, false },
		{ "cap_00002_20240101000000.pcapng", "Dumpcap", NULL, "test-files9", 0, false },
		{ "cap_00003_20240101000000.pcapng", NULL, NULL, "test-files", 0, false },
		{ "cap_00004_20240101000000.pcapng", "test-files2", NULL, "eth0", 0, false },
		{ "cap_00005_20240101000000.pcapng", "test-file", NULL, "eth0", 0, false },
		{ "cap_00006_20240101000000.pcapng", "x test-files", NULL, "eth0", 0, false },
		{ "cap_00007_20240101000000.pcapng", "test-files", NULL, "eth0", 0, true },
		{ "cap_00008_20240101000000.pcapng", "test-files 0.9", "Dumpcap", "eth0",
		  PCAPNG_ORDER_BIG, true },
	};
	struct capture c = { .config = { .keep_files = 1 } };

	capture_set_up(&c);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
		plant(c.folder, files[i].name,
		      &(struct pcapng_section){ .userappl = files[i].userappl,
						.hardware = files[i].hardware,
						.order = files[i].order },
		      files[i].interface);
	capture_start(&c);
	capture_stop(&c);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
		g_assert_cmpint(is_there(&c, files[i].name), ==, !files[i].is_ours);
	capture_tear_down(&c);
}

/* Names that are ours but for their length, and files that are none. */
static void test_planted(void)
{
	struct capture c = { .config = { .keep_files = 2 } };
	const struct pcapng_section ours = { .userappl = "test-files" };
	g_autofree char *fifo = NULL, *from = NULL, *link = NULL, *zeros = NULL, *name = NULL;

	capture_set_up(&c);
	zeros = g_strnfill(211, '0');
	name = g_strdup_printf("cap_00001_20240101000000-%s.pcapng.part", zeros);
	plant(c.folder, name, &ours, "eth0");
	plant(c.folder, "precious", &ours, "eth0");
	from = g_build_filename(c.folder, "precious", NULL);
	link = g_build_filename(c.folder, "cap_00002_20240101000000.pcapng.part", NULL);
	g_assert_cmpint(__real_linkat(AT_FDCWD, from, AT_FDCWD, link, 0), ==, 0);
	fifo = g_build_filename(c.folder, "cap_00003_20240101000000.pcapng.part", NULL);
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	capture_start(&c);
	capture_recover(&c);
	capture_stop(&c);
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_cmpuint(c.left, ==, 0);
	g_assert_true(is_there(&c, name));
	g_assert_true(is_there(&c, "precious"));
	g_assert_true(is_there(&c, "cap_00002_20240101000000.pcapng.part"));
	g_assert_true(is_there(&c, "cap_00003_20240101000000.pcapng.part"));
	capture_tear_down(&c);
}

/* A file system with neither flags nor links still gives names, and replaces nothing. */
static void test_plain_rename(void)
{
	static const int errors[] = { EPERM, EOPNOTSUPP, ENOSYS, EMLINK };
	struct capture c = { .config = { .max_packets = 10, .name = "x%{seq}.pcapng" } };

	for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
		rename_error = i % 2 ? ENOSYS : EINVAL;
		link_error = errors[i];
		c.written = 0;
		capture_set_up(&c);
		capture_start(&c);
		capture_add_many(&c, 5);
		plant(c.folder, "x00001.pcapng", &(struct pcapng_section){ 0 }, "eth0");
		capture_add_many(&c, 10);
		capture_stop(&c);
		rename_error = link_error = 0;
		g_assert_true(is_there(&c, "x00001-2.pcapng"));
		capture_check_all(&c, 0, 3);
		capture_tear_down(&c);
	}
}

static unsigned int count(const struct capture *c)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");

	return paths->len;
}

/* The oldest cannot be deleted: the next one goes, and this is told once. */
static void test_undeletable(void)
{
	struct capture c = { .config = { .max_packets = 1, .keep_files = 3 } };

	capture_set_up(&c);
	capture_start(&c);
	undeletable = "cap_00001_";
	unlink_error = EPERM;
	capture_add_many(&c, 35);
	g_assert_cmpuint(count(&c), ==, 4);
	g_assert_cmpuint(c.kept, ==, 1);
	unlink_error = 0;
	capture_add_many(&c, 1);
	g_assert_cmpuint(count(&c), ==, 3);
	capture_stop(&c);
	capture_tear_down(&c);
}

/* A file dated in the future does not stop the others from being deleted. */
static void test_future(void)
{
	const struct pcapng_section ours = { .userappl = "test-files" };
	struct capture c = { .config = { .keep_age_ns = 60 * UINT64_C(1000000000) } };
	struct timespec times[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
	g_autofree char *path = NULL;

	capture_set_up(&c);
	plant(c.folder, "cap_00001_20240101000000.pcapng", &ours, "eth0");
	plant(c.folder, "cap_00002_20240101000000.pcapng", &ours, "eth0");
	path = g_build_filename(c.folder, "cap_00001_20240101000000.pcapng", NULL);
	g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
	times[0].tv_sec = times[1].tv_sec = 1000000000;
	g_free(path);
	path = g_build_filename(c.folder, "cap_00002_20240101000000.pcapng", NULL);
	g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
	capture_start(&c);
	capture_stop(&c);
	g_assert_true(is_there(&c, "cap_00001_20240101000000.pcapng"));
	g_assert_false(is_there(&c, "cap_00002_20240101000000.pcapng"));
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/strangers/owner", test_owner);
	g_test_add_func("/strangers/planted", test_planted);
	g_test_add_func("/strangers/plain-rename", test_plain_rename);
	g_test_add_func("/strangers/undeletable", test_undeletable);
	g_test_add_func("/strangers/future", test_future);
	return g_test_run();
}
