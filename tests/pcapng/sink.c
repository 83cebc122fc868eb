/* SPDX-License-Identifier: MIT */
/* sink.c - an output in memory that misbehaves on demand */
#include <errno.h>
#include <glib/gstdio.h>

#include "tests/pcapng/sink.h"

/* The number of bytes that this call may accept, or -errno. */
static ssize_t sink_allowance(struct sink *s)
{
	size_t allowed = s->at_most ? s->at_most : SIZE_MAX / 2;

	s->calls++;
	if (s->interrupt && s->calls % s->interrupt == 0)
		return -EINTR;
	if (s->is_blocked)
		return -EAGAIN;
	if (s->fail_with) {
		size_t left = s->fail_at > s->bytes->len ? s->fail_at - s->bytes->len : 0;

		if (!left)
			return s->fail_with;
		allowed = MIN(allowed, left);
	}
	return allowed;
}

ssize_t sink_output(void *user, const struct iovec *iov, int iovcnt)
{
	struct sink *s = user;
	ssize_t allowed = sink_allowance(s), accepted = 0;

	g_assert_cmpint(iovcnt, >, 0);
	g_assert_cmpint(iovcnt, <=, 1024);
	for (int i = 0; i < iovcnt && accepted < allowed; i++) {
		size_t n = MIN(iov[i].iov_len, (size_t)(allowed - accepted));

		g_assert_cmpuint(iov[i].iov_len, >, 0);
		g_byte_array_append(s->bytes, iov[i].iov_base, n);
		accepted += n;
	}
	return allowed < 0 ? allowed : accepted;
}

static char *kept_folder;
static GPtrArray *kept_files; /* the argv of the checker */

void sink_keep(const struct sink *s)
{
	char *path;

	if (!kept_folder) {
		kept_folder = g_dir_make_tmp("pcapng-XXXXXX", NULL);
		kept_files = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(kept_files, g_strdup(g_getenv("PCAPNG_CHECKER")));
	}
	path = g_strdup_printf("%s/%u.pcapng", kept_folder, kept_files->len);
	g_assert_true(g_file_set_contents(path, (char *)s->bytes->data, s->bytes->len, NULL));
	g_ptr_array_add(kept_files, path);
}

void sinks_check(void)
{
	int status;

	if (!kept_folder)
		return;
	g_ptr_array_add(kept_files, NULL);
	g_assert_true(g_spawn_sync(NULL, (char **)kept_files->pdata, NULL, G_SPAWN_DEFAULT, NULL,
				   NULL, NULL, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
	for (unsigned int i = 1; i + 1 < kept_files->len; i++)
		g_unlink(kept_files->pdata[i]);
	g_rmdir(kept_folder);
	g_ptr_array_free(kept_files, TRUE);
	g_free(kept_folder);
}
