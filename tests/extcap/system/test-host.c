/* SPDX-License-Identifier: MIT */
/* The memory limit of control groups, read from files as the kernel writes them. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "extcap/sink/destination.h"
#include "extcap/system/host.h"

struct machine {
	char *folder;
};

static void set_up(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	m->folder = g_dir_make_tmp("test-host-XXXXXX", NULL);
	g_assert_nonnull(m->folder);
}

static void tear_down(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	const char *command[] = { "rm", "-r", m->folder, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
				   NULL, NULL, NULL, NULL));
	g_free(m->folder);
}

static void write_file(const struct machine *m, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(m->folder, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Of a process that is in these groups. */
static uint64_t limit(const struct machine *m, const char *groups)
{
	g_autofree char *path = g_build_filename(m->folder, "groups", NULL);

	write_file(m, "groups", groups);
	return host_cgroup_limit(path, m->folder);
}

static void test_none(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	g_assert_cmpuint(host_cgroup_limit("/nonexistent", m->folder), ==, UINT64_MAX);
	for (const char *const *groups =
		     (const char *const[]){ "", "\n", "0::/\n", "0::\n", "::", "nonsense\n",
					    "4:memory:/a\n", "3:cpu,cpuacct:/a\n0::/a\n", NULL };
	     *groups; groups++)
		g_assert_cmpuint(limit(m, *groups), ==, UINT64_MAX);
}

static void test_version_2(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	write_file(m, "user.slice/tap/memory.max", "268435456\n");
	g_assert_cmpuint(limit(m, "0::/user.slice/tap\n"), ==, 268435456);
	g_assert_cmpuint(limit(m, "1:name=systemd:/x\n0::/user.slice/tap\n"), ==, 268435456);
	g_assert_cmpuint(limit(m, "0::/user.slice/tap:1\n"), ==, UINT64_MAX);
	write_file(m, "user.slice/tap:1/memory.max", "5\n");
	g_assert_cmpuint(limit(m, "0::/user.slice/tap:1\n"), ==, 5);
	write_file(m, "user.slice/tap/memory.max", "max\n");
	g_assert_cmpuint(limit(m, "0::/user.slice/tap\n"), ==, UINT64_MAX);
}

/* A limit holds for all groups below it. */
static void test_above(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	write_file(m, "a/memory.max", "1000\n");
	write_file(m, "a/b/memory.max", "max\n");
	g_assert_cmpuint(limit(m, "0::/a/b/c\n"), ==, 1000);
	write_file(m, "a/b/memory.max", "2000\n");
	g_assert_cmpuint(limit(m, "0::/a/b/c\n"), ==, 1000);
	write_file(m, "memory.max", "500\n"); /* a container sees its own group as the root */
	g_assert_cmpuint(limit(m, "0::/a/b/c\n"), ==, 500);
	g_assert_cmpuint(limit(m, "0::/\n"), ==, 500);
}

static void test_version_1(struct machine *m, gconstpointer user G_GNUC_UNUSED)
{
	const char *groups = "5:devices:/other\n4:cpu,memory:/docker/1\n0::/\n";

	write_file(m, "memory/memory.limit_in_bytes", "9223372036854771712\n");
	g_assert_cmpuint(limit(m, groups), ==, UINT64_C(9223372036854771712));
	write_file(m, "memory/docker/memory.limit_in_bytes", "64000\n");
	g_assert_cmpuint(limit(m, groups), ==, 64000);
	g_assert_cmpuint(limit(m, "5:devices:/docker\n4:memory:/\n"), ==,
			 UINT64_C(9223372036854771712));
}

/* The queue gets no more than an eighth, however small the group. */
static void test_queue(void)
{
	for (uint64_t memory = 4096; memory < UINT64_C(1) << 50; memory *= 3)
		g_assert_cmpuint(destination_queue_size(memory), <=, memory / 8);
	g_assert_cmpuint(destination_queue_size(UINT64_C(256) << 20), ==, 32 << 20);
	g_assert_cmpuint(destination_queue_size(UINT64_C(2) << 30), ==, 128 << 20);
	g_assert_cmpuint(destination_queue_size(UINT64_MAX), ==, 1 << 30);
	g_assert_cmpuint(host_memory(), >, 0);
	g_assert_cmpuint(host_memory(), <, UINT64_MAX);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/cgroup/none", struct machine, NULL, set_up, test_none, tear_down);
	g_test_add("/cgroup/version-2", struct machine, NULL, set_up, test_version_2, tear_down);
	g_test_add("/cgroup/above", struct machine, NULL, set_up, test_above, tear_down);
	g_test_add("/cgroup/version-1", struct machine, NULL, set_up, test_version_1, tear_down);
	g_test_add_func("/queue", test_queue);
	return g_test_run();
}
