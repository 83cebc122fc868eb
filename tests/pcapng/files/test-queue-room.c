/* SPDX-License-Identifier: MIT */
/* test-queue-room.c - sets of files with a queue, on a disk that fails or is full after any byte */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

#define MIB 1048576u

static void remove_files(const struct capture *c)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");

	for (unsigned int i = 0; i < paths->len; i++)
		g_unlink(paths->pdata[i]);
}

/* Every file ends with a complete block, and has packets from *next on. */
static void read_files(const struct capture *c, uint64_t *next)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");

	for (unsigned int i = 0; i < paths->len; i++) {
		uint64_t bytes;
		struct stat st;

		g_assert_true(g_str_has_suffix(paths->pdata[i], ".pcapng"));
		g_assert_cmpint(stat(paths->pdata[i], &st), ==, 0);
		g_assert_cmpint(pcapng_recover(paths->pdata[i], &bytes), ==, 0);
		g_assert_cmpuint(bytes, ==, st.st_size);
		(void)capture_read_serials(paths->pdata[i], next, 0);
	}
}

/* One run on a disk with `room` bytes, then `error`; `again`: there is room before the end. */
static void run(struct capture *c, uint64_t room, int error, bool again)
{
	struct pcapng_files_config config = c->config;
	uint64_t found = 0;
	int r;

	machine_set_room(room, error);
	r = capture_start_with(c, NULL);
	if (r < 0) {
		g_assert_cmpint(r, ==, -error);
		if (c->f) { /* there was room for the header only */
			(void)pcapng_files_close(c->f);
			pcapng_files_free(g_steal_pointer(&c->f));
		}
		remove_files(c);
		c->config = config;
		machine_set_room(UINT64_MAX, 0);
		return;
	}
	for (int i = 0; i < 60 && (r == 0 || r == -EAGAIN || r == -ENOBUFS); i++) {
		r = capture_add(c);
		if (r == 0 && i % 7 == 0)
			r = pcapng_files_push(c->f);
		if (r == 0 && i % 25 == 0)
			r = pcapng_files_rotate(c->f);
	}
	if (again)
		machine_set_room(UINT64_MAX, 0);
	r = pcapng_files_close(c->f);
	if (again)
		g_assert_cmpint(r, ==, 0);
	else
		g_assert_true(r == 0 || r == -error);
	read_files(c, &found);
	g_assert_cmpuint(pcapng_files_packets(c->f, 0), ==, found);
	g_assert_cmpuint(c->packets, ==, found);
	if (r == 0)
		g_assert_cmpuint(found, ==, c->written);
	pcapng_files_free(g_steal_pointer(&c->f));
	remove_files(c);
	c->config = config;
	c->written = c->packets = 0;
	machine_set_room(UINT64_MAX, 0);
}

struct disk {
	const char *name;
	enum pcapng_full full;
	enum pcapng_direct_io direct;
	int error;
	bool again;
};

static const struct disk disks[] = {
	{ "stop", PCAPNG_FULL_STOP, PCAPNG_DIRECT_IO_OFF, ENOSPC, false },
	{ "stop-direct", PCAPNG_FULL_STOP, PCAPNG_DIRECT_IO_ON, ENOSPC, false },
	{ "quota", PCAPNG_FULL_STOP, PCAPNG_DIRECT_IO_OFF, EDQUOT, false },
	{ "eio", PCAPNG_FULL_DROP, PCAPNG_DIRECT_IO_OFF, EIO, false },
	{ "eio-direct", PCAPNG_FULL_PRUNE, PCAPNG_DIRECT_IO_ON, EIO, false },
	{ "drop", PCAPNG_FULL_DROP, PCAPNG_DIRECT_IO_OFF, ENOSPC, false },
	{ "drop-again", PCAPNG_FULL_DROP, PCAPNG_DIRECT_IO_OFF, ENOSPC, true },
	{ "drop-again-direct", PCAPNG_FULL_DROP, PCAPNG_DIRECT_IO_ON, ENOSPC, true },
};

/* All that is written is about 12000 bytes; a step that is no multiple of anything. */
static void test_room(gconstpointer data)
{
	const struct disk *disk = data;
	struct capture c = {
		.config = { .queue_size = MIB, .full = disk->full, .direct_io = disk->direct }
	};
	unsigned int step = g_getenv("XDPTAP_TESTS_LONG") ? 1 : 61;

	capture_set_up(&c);
	for (uint64_t room = 0; room < 13000; room += step)
		run(&c, room, disk->error, disk->again);
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(disks); i++) {
		g_autofree char *name = g_strconcat("/queue-room/", disks[i].name, NULL);

		g_test_add_data_func(name, &disks[i], test_room);
	}
	return g_test_run();
}
