/* SPDX-License-Identifier: MIT */
/*
 * Follows a file that programs append lines to, as tail -F does: one that does not exist yet, that is
 * replaced, or that is emptied; or a FIFO. What it holds at keylog_new() is not read: it belongs to connections
 * that began before.
 */
#ifndef XDPTAP_EXTCAP_SECRETS_KEYLOG_H
#define XDPTAP_EXTCAP_SECRETS_KEYLOG_H

#include <glib.h>
#include <stdbool.h>

struct keylog;

/* Notes where the file ends. */
struct keylog *keylog_new(const char *path);
/* Opens it with the rights that this process has now. False with *error: it cannot be read. */
bool keylog_open(struct keylog *k, GError **error);
void keylog_close(struct keylog *k);
static inline void keylog_closep(struct keylog **k)
{
	keylog_close(*k);
}
/* Whether there is a file now. */
bool keylog_exists(const struct keylog *k);
/*
 * Passes each line that has been completed since the last call, without its end, which may be LF or CR LF.
 * Never waits. Bytes are as they stand in the file: whoever writes it is not trusted.
 */
void keylog_read(struct keylog *k, void (*fn)(void *user, const char *line, gsize len), void *user);

#endif
