/* SPDX-License-Identifier: MIT */
/* The lines of a key log in order, some of them not written yet. */
#include <string.h>

#include "extcap/secrets/connections.h"
#include "extcap/secrets/held.h"
#include "extcap/secrets/keylog-line.h"
#include "extcap/secrets/keylog.h"
#include "extcap/secrets/secrets.h"
#include "pcapng/format.h"

#define SECRETS_POLL_MS 5
#define KEPT_MAX	16777216 /* bytes of lines that later files repeat: about 20 000 connections */

/* A line that later files repeat. */
struct kept {
	char *id, *line;
};

struct secrets {
	struct keylog *log;
	struct connections *connections;
	bool rotates;
	GQueue kept; /* of struct kept, oldest first; empty if there is only one file */
	gsize kept_bytes;
	GString *pending;  /* lines, not in the output yet */
	GHashTable *ready; /* set of ids that have all secrets */
	struct held held;
	bool has_nic_times;
	uint64_t read_ns; /* no secret that was logged before is missing */
	uint64_t n;
};

static void kept_free(struct kept *k)
{
	g_free(k->id);
	g_free(k->line);
	g_free(k);
}

struct secrets *secrets_new(const struct config *config)
{
	struct secrets *s;

	if (!config->tls_keylog)
		return NULL;
	s = g_new0(struct secrets, 1);
	s->log = keylog_new(config->tls_keylog);
	s->connections = connections_new();
	s->rotates = limits_rotate(&config->rotate);
	s->ready = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s->pending = g_string_new(NULL);
	s->has_nic_times = config->time_stamp_type == TIME_STAMP_ADAPTER;
	return s;
}

bool secrets_open(struct secrets *s, const struct config *config, GError **error)
{
	if (!s)
		return true;
	if (!keylog_open(s->log, error))
		return false;
	g_warning(
		"the capture will hold the TLS secrets of \"%s\"%s: whoever has it can decrypt these "
		"connections",
		config->tls_keylog, keylog_exists(s->log) ? "" : ", once there is such a file");
	return true;
}

void secrets_free(struct secrets *s)
{
	struct kept *k;

	if (!s)
		return;
	g_info("TLS secrets in the capture: %" G_GUINT64_FORMAT, s->n);
	while ((k = g_queue_pop_head(&s->kept)))
		kept_free(k);
	held_done(&s->held);
	g_hash_table_unref(s->ready);
	connections_free(s->connections);
	keylog_close(s->log);
	g_string_free(s->pending, true);
	g_free(s);
}

/* The oldest go first: they are the likeliest to be over without our knowledge. */
static void bound_kept(struct secrets *s)
{
	while (s->kept_bytes > KEPT_MAX) {
		struct kept *oldest = g_queue_pop_head(&s->kept);

		s->kept_bytes -= strlen(oldest->line);
		kept_free(oldest);
	}
}

static void keep(struct secrets *s, const char *id, const char *line)
{
	struct kept *k = g_new(struct kept, 1);

	k->id = g_strdup(id);
	k->line = g_strdup(line);
	s->kept_bytes += strlen(line);
	g_queue_push_tail(&s->kept, k);
	bound_kept(s);
}

static void set_ready(struct secrets *s, const char *id)
{
	if (g_hash_table_size(s->ready) >= CONNECTIONS_MAX)
		g_hash_table_remove_all(s->ready);
	g_hash_table_add(s->ready, g_strdup(id));
}

static void on_line(void *user, const char *text, gsize len)
{
	struct secrets *s = user;
	struct keylog_line parts;
	g_autofree char *line = NULL, *id = NULL;

	if (!keylog_line_parse(text, len, &parts))
		return;
	line = g_strdup_printf("%.*s\n", (int)len, text);
	id = g_ascii_strdown(parts.id, (gssize)parts.id_len);
	g_string_append(s->pending, line);
	if (s->rotates)
		keep(s, id, line);
	if (parts.is_last)
		set_ready(s, id);
	s->n++;
}

static void write_pending(struct secrets *s, struct sink *sink)
{
	const struct pcapng_secrets secrets = {
		.type = PCAPNG_SECRETS_TLS,
		.data = s->pending->str,
		.len = (uint32_t)s->pending->len,
	};

	if (s->pending->len && sink_add_secrets(sink, &secrets) == 0)
		g_string_truncate(s->pending, 0);
}

static void secrets_write(struct secrets *s, struct sink *sink, struct tap *tap)
{
	s->read_ns = tap_now_ns(tap);
	if (s->pending->len < KEPT_MAX) /* else the output is stuck; the lines stay in the log */
		keylog_read(s->log, on_line, s);
	write_pending(s, sink);
}

/*
 * A program logs a secret before it sends what needs it. So the log is read again before a frame that is
 * younger than the last reading, and before each one if NICs stamp them, which have clocks of their own.
 */
void secrets_before(struct secrets *s, struct sink *sink, struct tap *tap,
		    const struct tap_frame *frame)
{
	if (s && (frame->ts_ns >= s->read_ns || s->has_nic_times || s->pending->len))
		secrets_write(s, sink, tap);
}

bool secrets_hold(struct secrets *s, struct sink *sink, struct tap *tap, uint16_t linktype,
		  const struct tap_frame *frame)
{
	const char *id = connections_see(s->connections, linktype, frame->data, frame->caplen);

	if (id && !g_hash_table_contains(s->ready, id))
		secrets_write(s, sink, tap);
	if (id && g_hash_table_contains(s->ready, id))
		id = NULL;
	if (!id && held_is_empty(&s->held))
		return false;
	held_add(&s->held, frame, id);
	return true;
}

int secrets_wait_ms(const struct secrets *s, int wait_ms)
{
	return s && !held_is_empty(&s->held) ? SECRETS_POLL_MS : wait_ms;
}

/* Whether the first frame that is held may go. */
static bool is_released(const struct secrets *s)
{
	const char *id = held_waits_for(&s->held);

	return !id || g_hash_table_contains(s->ready, id);
}

void secrets_release(struct secrets *s, struct sink *sink, struct tap *tap, bool all,
		     tap_frames_fn fn, void *user)
{
	int r = 0;

	if (!s || (held_is_empty(&s->held) && !all))
		return;
	secrets_write(s, sink, tap);
	while (!held_is_empty(&s->held) && (all || (r == 0 && is_released(s)))) {
		struct tap_frame *frame = held_take(&s->held);

		r = fn(user, frame, 1);
		held_free_frame(frame);
	}
}

/* Forgets the lines of connections that are over. */
static void forget(struct secrets *s)
{
	for (GList *l = s->kept.head, *next; l; l = next) {
		struct kept *k = l->data;

		next = l->next;
		if (!connections_is_over(s->connections, k->id))
			continue;
		s->kept_bytes -= strlen(k->line);
		kept_free(k);
		g_queue_delete_link(&s->kept, l);
	}
}

void secrets_repeat(struct secrets *s, struct sink *sink, uint64_t back_ns)
{
	if (!s)
		return;
	s->read_ns -= MIN(s->read_ns, back_ns);
	held_set_back(&s->held, back_ns);
	forget(s);
	connections_next_file(s->connections);
	g_string_truncate(s->pending, 0);
	for (const GList *l = s->kept.head; l; l = l->next)
		g_string_append(s->pending, ((const struct kept *)l->data)->line);
	write_pending(s, sink);
}
