/* SPDX-License-Identifier: MIT */
/* The text format of Prometheus, version 0.0.4. */
#include <errno.h>
#include <inttypes.h>

#include "extcap/system/error.h"
#include "extcap/terminal/stats-file.h"

struct metric {
	const char *name, *help, *label;
	size_t offset; /* in struct count */
};

#define AT(field) offsetof(struct count, field)

static const struct metric metrics[] = {
	{ "seen", "Frames that passed the capture point", NULL, AT(seen) },
	{ "accepted", "Frames that the capture filter accepted", NULL, AT(accepted) },
	{ "written", "Frames written", NULL, AT(written) },
	{ "dropped", "Frames accepted but not written", "ring", AT(lost_ring) },
	{ "dropped", NULL, "copy", AT(lost_copy) },
	{ "dropped", NULL, "invalid", AT(lost_invalid) },
	{ "dropped", NULL, "queue", AT(lost_queue) },
	{ "dropped", NULL, "output", AT(lost_backlog) },
};

static void append_head(GString *s, const char *name, const char *help, const char *type)
{
	g_string_append_printf(s, "# HELP xdptap_%s %s.\n# TYPE xdptap_%s %s\n", name, help, name,
			       type);
}

static void append_value(GString *s, const char *name, const char *help, const char *type,
			 uint64_t value)
{
	append_head(s, name, help, type);
	g_string_append_printf(s, "xdptap_%s %" PRIu64 "\n", name, value);
}

/* A name of an interface may have any bytes but a few. */
static char *quote(const char *name)
{
	g_autoptr(GString) s = g_string_new(name);

	g_string_replace(s, "\\", "\\\\", 0);
	g_string_replace(s, "\"", "\\\"", 0);
	return g_string_free(g_steal_pointer(&s), false);
}

static void append_count(GString *s, const struct metric *m, const struct count *c)
{
	g_autofree char *name = quote(c->name);

	g_string_append_printf(s, "xdptap_frames_%s_total{interface=\"%s\"", m->name, name);
	if (m->label)
		g_string_append_printf(s, ",cause=\"%s\"", m->label);
	g_string_append_printf(s, "} %" PRIu64 "\n",
			       *(const uint64_t *)((const char *)c + m->offset));
}

static void append_metric(GString *s, const struct metric *m, const struct capture_status *status)
{
	g_autofree char *name = g_strdup_printf("frames_%s_total", m->name);

	if (m->help)
		append_head(s, name, m->help, "counter");
	for (unsigned int i = 0; i < status->n; i++)
		append_count(s, m, &status->counts[i]);
}

bool stats_file_write(const char *path, const struct capture_status *status, bool is_running,
		      GError **error)
{
	g_autoptr(GString) s = g_string_new(NULL);
	g_autoptr(GError) why = NULL;

	append_value(s, "up", "Whether the capture is running", "gauge", is_running);
	for (size_t i = 0; i < G_N_ELEMENTS(metrics); i++)
		append_metric(s, &metrics[i], status);
	append_value(s, "files_finished_total", "Files finished", "counter",
		     status->files.n_finished);
	append_value(s, "files_finished_bytes_total", "Bytes in finished files", "counter",
		     status->files.finished_bytes);
	append_value(s, "file_bytes", "Size of the file being written, before compression", "gauge",
		     status->bytes);
	append_value(s, "queue_bytes", "Bytes that wait for the disk", "gauge", status->queue.now);
	append_value(s, "queue_peak_bytes", "The most bytes that ever waited for the disk", "gauge",
		     status->queue.peak);
	append_value(s, "queue_size_bytes", "The most bytes that may wait for the disk", "gauge",
		     status->queue.size);
	append_value(s, "updated_timestamp_seconds", "When this was written", "gauge",
		     (uint64_t)(g_get_real_time() / 1000000));
	if (g_file_set_contents_full(path, s->str, (gssize)s->len, G_FILE_SET_CONTENTS_CONSISTENT,
				     0644, &why))
		return true;
	return fail(error, "cannot write the counters: %s", why->message);
}
