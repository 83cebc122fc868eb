/* SPDX-License-Identifier: MIT */
/*
 * Drivers count the frames that they hand to the program. Some update their counters only every few seconds,
 * so one look at which only the device's rose proves nothing: two in a row do.
 *
 * The counters come from a file that was opened before the sandbox, and shows the network namespace of that
 * time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "extcap/capture/ifaces/silence.h"
#include "extcap/system/cleanup.h"

#define FIRST_MS  1000
#define LAST_MS	  64000 /* between looks, which double until then */
#define FRAMES	  4	/* less than that is too little to judge by */
#define TEXT_SIZE (1 << 20)

/* What may be the cause, by the point. */
static const struct {
	const struct point *point;
	const char *text;
} causes[] = {
	{ &point_xdp, "use --point tc" },
	{ &point_tc_ingress, "another program or the NIC itself keeps them" },
};

/* The program of a slot of the tap. */
struct hook {
	bool is_known;
	uint64_t seen, rx;     /* at the last look */
	unsigned int n_silent; /* looks in a row */
	bool is_told;
};

struct silence {
	const struct stream *stream;
	int fd;
	GArray *hooks; /* of struct hook, by slot */
	guint timer;
	guint wait_ms;
};

/* Finds the interface in the text of /proc/net/dev: "  eth0: bytes packets …". False: it is not there. */
static bool find_received(const char *text, const char *name, uint64_t *ret)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return sscanf(line + len + 1, "%*u %" SCNu64, ret) == 1;
	}
	return false;
}

/* The whole file; NULL: it cannot be read. */
static char *read_counters(int fd)
{
	g_autofree char *text = g_malloc(TEXT_SIZE);
	size_t len = 0;
	ssize_t n = lseek(fd, 0, SEEK_SET);

	while (n >= 0 && len < TEXT_SIZE - 1 && (n = read(fd, text + len, TEXT_SIZE - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return n < 0 ? NULL : g_steal_pointer(&text);
}

/* NULL: a point whose program need not meet what the device receives. */
static const char *find_cause(const struct point *point)
{
	for (size_t n = 0; n < G_N_ELEMENTS(causes); n++)
		if (causes[n].point == point)
			return causes[n].text;
	return NULL;
}

/* Whether it is silent for the second time in a row, and was not told yet. */
static bool judge(struct hook *h, uint64_t seen, uint64_t rx)
{
	bool is_silent = seen == h->seen && rx >= h->rx + FRAMES;

	h->n_silent = is_silent ? h->n_silent + 1 : 0;
	h->seen = seen;
	h->rx = rx;
	if (h->n_silent < 2 || h->is_told)
		return false;
	h->is_told = true;
	return true;
}

static void look_at(struct silence *s, guint slot, const char *text)
{
	const struct tap_place place = tap_find_place(s->stream->tap, slot);
	struct hook *h = &g_array_index(s->hooks, struct hook, slot);
	const struct stream_iface *i = stream_slot_iface(s->stream, slot);
	const char *cause = place.ifindex && !i->is_software ? find_cause(place.point) : NULL;
	struct tap_stats stats;
	uint64_t rx;

	if (!cause || tap_read_stats(s->stream->tap, slot, &stats) < 0 ||
	    !find_received(text, i->device, &rx)) {
		h->is_known = false;
	} else if (!h->is_known) {
		*h = (struct hook){
			.is_known = true, .seen = stats.seen, .rx = rx, .is_told = h->is_told
		};
	} else if (judge(h, stats.seen, rx)) {
		g_warning(
			"\"%s\" receives frames, but the %s program there runs for none of them; %s",
			i->device, place.point->name, cause);
	}
}

void silence_look(struct silence *s)
{
	g_autofree char *text = s->fd < 0 ? NULL : read_counters(s->fd);
	guint n = s->stream->slots->len;

	if (!text)
		return;
	g_array_set_size(s->hooks, n);
	for (guint slot = 0; slot < n; slot++)
		look_at(s, slot, text);
}

static gboolean on_time(void *user)
{
	struct silence *s = user;

	silence_look(s);
	s->wait_ms = MIN(2 * s->wait_ms, LAST_MS);
	s->timer = g_timeout_add(s->wait_ms, on_time, s);
	return G_SOURCE_REMOVE;
}

struct silence *silence_new(void)
{
	return silence_new_from(open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC));
}

struct silence *silence_new_from(int fd)
{
	struct silence *s = g_new0(struct silence, 1);

	s->fd = fd;
	s->hooks = g_array_new(false, true, sizeof(struct hook));
	s->wait_ms = FIRST_MS;
	return s;
}

void silence_watch(struct silence *s, const struct stream *stream)
{
	s->stream = stream;
	silence_look(s);
	s->timer = g_timeout_add(s->wait_ms, on_time, s);
}

void silence_end(struct silence *s)
{
	if (!s)
		return;
	if (s->timer) {
		silence_look(s);
		g_source_remove(s->timer);
	}
	close_fdp(&s->fd);
	g_array_unref(s->hooks);
	g_free(s);
}
