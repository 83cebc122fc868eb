/* SPDX-License-Identifier: MIT */
/* One stat(2) tells whether there is anything to read; it is asked again and again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/secrets/keylog-line.h"
#include "extcap/secrets/keylog.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"

#define READ_MAX 4194304 /* bytes a call: the frames wait meanwhile */

struct keylog {
	char *path;
	int fd; /* -1: there is no file yet */
	bool is_fifo;
	dev_t dev;
	ino_t ino;
	off_t offset;	  /* what has been read of a file */
	GString *line;	  /* not complete yet */
	bool is_too_long; /* the rest of this line is skipped */
	int failure;	  /* errno of the last attempt to open it, told once */
};

static void forget_line(struct keylog *k)
{
	g_string_truncate(k->line, 0);
	k->is_too_long = false;
}

/* Opens what is at the path now: 0 or errno. */
static int open_file(struct keylog *k)
{
	/* Not blocked by a FIFO that nobody writes to. */
	_cleanup_(close_fdp) int fd = open(k->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
	close_fdp(&k->fd);
	k->fd = steal_fd(&fd);
	k->is_fifo = S_ISFIFO(st.st_mode);
	k->dev = st.st_dev;
	k->ino = st.st_ino;
	k->offset = 0;
	forget_line(k);
	return 0;
}

struct keylog *keylog_new(const char *path)
{
	struct keylog *k = g_new0(struct keylog, 1);
	struct stat st;

	k->path = g_strdup(path);
	k->fd = -1;
	k->line = g_string_new(NULL);
	if (stat(path, &st) == 0) {
		k->dev = st.st_dev;
		k->ino = st.st_ino;
		k->offset = st.st_size;
	}
	return k;
}

bool keylog_open(struct keylog *k, GError **error)
{
	const struct keylog before = *k;
	int err = open_file(k);

	if (err == 0 && k->dev == before.dev && k->ino == before.ino)
		k->offset = before.offset;
	return err == 0 || err == ENOENT ||
	       fail_errno(error, err, "cannot read the key log \"%s\"", k->path);
}

void keylog_close(struct keylog *k)
{
	if (!k)
		return;
	close_fdp(&k->fd);
	g_string_free(k->line, true);
	g_free(k->path);
	g_free(k);
}

bool keylog_exists(const struct keylog *k)
{
	return k->fd >= 0;
}

static void add_bytes(struct keylog *k, const char *data, gsize len)
{
	if (k->line->len + len > KEYLOG_LINE_MAX)
		k->is_too_long = true;
	if (k->is_too_long)
		g_string_truncate(k->line, 0);
	else
		g_string_append_len(k->line, data, (gssize)len);
}

static void end_line(struct keylog *k, void (*fn)(void *user, const char *line, gsize len),
		     void *user)
{
	gsize len = k->line->len;

	if (len && k->line->str[len - 1] == '\r')
		len--;
	if (!k->is_too_long)
		fn(user, k->line->str, len);
	forget_line(k);
}

static void split(struct keylog *k, const char *data, gsize len,
		  void (*fn)(void *user, const char *line, gsize len), void *user)
{
	const char *end = data + len, *newline;

	while ((newline = memchr(data, '\n', (gsize)(end - data)))) {
		add_bytes(k, data, (gsize)(newline - data));
		end_line(k, fn, user);
		data = newline + 1;
	}
	add_bytes(k, data, (gsize)(end - data));
}

static void read_open(struct keylog *k, void (*fn)(void *user, const char *line, gsize len),
		      void *user)
{
	char data[65536];
	ssize_t n = 1;

	for (gsize total = 0; n > 0 && total < READ_MAX; total += (gsize)n) {
		n = k->is_fifo ? read(k->fd, data, sizeof(data))
			       : pread(k->fd, data, sizeof(data), k->offset);
		if (n <= 0)
			return;
		k->offset += n;
		split(k, data, (gsize)n, fn, user);
	}
}

/* Another file has taken its name, or it is the first one. */
static void take_new(struct keylog *k)
{
	int err = open_file(k);

	if (err && err != k->failure)
		g_warning("cannot read the key log \"%s\": %s", k->path, g_strerror(err));
	k->failure = err;
}

void keylog_read(struct keylog *k, void (*fn)(void *user, const char *line, gsize len), void *user)
{
	struct stat st;
	bool is_there = stat(k->path, &st) == 0;
	bool is_same = is_there && k->fd >= 0 && st.st_dev == k->dev && st.st_ino == k->ino;

	if (is_same && !k->is_fifo && st.st_size == k->offset)
		return;
	if (is_same && !k->is_fifo && st.st_size < k->offset) { /* emptied */
		k->offset = 0;
		forget_line(k);
	}
	if (k->fd >= 0)
		read_open(k, fn, user);
	if (is_there && !is_same) {
		take_new(k);
		if (k->fd >= 0)
			read_open(k, fn, user);
	}
}
