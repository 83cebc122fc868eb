/* SPDX-License-Identifier: MIT */
/*
 * script.c - interprets any bytes as a script of calls to the writer
 *
 * Each call is a byte followed by its arguments, in the order of the struct; after the end of the
 * script everything reads as zero. A refused call must leave no trace, which is asserted after each
 * call.
 */
#include <errno.h>
#include <string.h>

#include "pcapng/writer.h"
#include "tests/fuzz/script.h"

struct script {
	const uint8_t *at, *end;
	struct pcapng_writer *w;
	GByteArray *file;
	GString *model, *line; /* of the current call */
	GPtrArray *garbage;
	uint32_t interfaces;
	unsigned int pace; /* bytes that the output accepts per call; 0: all */
	unsigned int calls;
};

static uint64_t take(struct script *s, size_t n)
{
	uint64_t v = 0;

	for (; n > 0; n--)
		v = v << 8 | (s->at < s->end ? *s->at++ : 0);
	return v;
}

/* `n` bytes, zeros after the end of the script; valid until the call returns. */
static const uint8_t *take_bytes(struct script *s, size_t n)
{
	uint8_t *bytes = g_malloc0(n + 1);
	size_t there = MIN(n, (size_t)(s->end - s->at));

	memcpy(bytes, s->at, there);
	s->at += there;
	g_ptr_array_add(s->garbage, bytes);
	return bytes;
}

static void say_hex(struct script *s, const char *name, const void *data, size_t n)
{
	g_string_append_printf(s->line, " %s=", name);
	for (size_t i = 0; i < n; i++)
		g_string_append_printf(s->line, "%02x", ((const uint8_t *)data)[i]);
}

static void say(struct script *s, const char *name, uint64_t v)
{
	g_string_append_printf(s->line, " %s=%" G_GUINT64_FORMAT, name, v);
}

/* NULL, plain ASCII or any bytes, up to 63 bytes. */
static const char *take_text(struct script *s, const char *name)
{
	uint8_t n = take(s, 1);
	char *text;

	if (n < 64)
		return NULL;
	text = (char *)take_bytes(s, n % 64);
	if (n < 240)
		for (size_t i = 0; text[i]; i++)
			text[i] = 'a' + (uint8_t)text[i] % 26;
	say_hex(s, name, text, strlen(text));
	return text;
}

/* Comments, custom and local options; the model lists them in the order of the file. */
static struct pcapng_options take_options(struct script *s)
{
	uint8_t n = take(s, 1);
	struct pcapng_options o = { 0 };

	if (n & 1) {
		struct pcapng_option *extra = (void *)take_bytes(s, sizeof(*extra));

		extra->code = PCAPNG_OPT_LOCAL | extra->code;
		extra->len %= 40;
		extra->value = take_bytes(s, extra->len);
		say(s, "local", extra->code);
		say_hex(s, "value", extra->value, extra->len);
		o.extra = extra;
		o.n_extra = 1;
	}
	if (n & 2) {
		struct pcapng_custom_option *custom = (void *)take_bytes(s, sizeof(*custom));

		memset(custom, 0, sizeof(*custom));
		custom->pen = take(s, 4);
		custom->no_copy = take(s, 1) & 1;
		custom->len = take(s, 1) % 50;
		custom->data = take_bytes(s, custom->len);
		say(s, "pen", custom->pen);
		say_hex(s, custom->no_copy ? "private" : "public", custom->data, custom->len);
		o.custom = custom;
		o.n_custom = 1;
	}
	if (n & 4) {
		const char **comments = (void *)take_bytes(s, 2 * sizeof(char *));

		memset(comments, 0, 2 * sizeof(char *));
		for (; o.n_comments < 2; o.n_comments++) {
			comments[o.n_comments] = take_text(s, "opt_comment");
			if (!comments[o.n_comments])
				break;
		}
		o.comments = comments;
	}
	return o;
}

static int call_interface(struct script *s)
{
	struct pcapng_interface i = { .linktype = take(s, 2), .snaplen = take(s, 2) };
	uint32_t id = UINT32_MAX;
	int r;

	g_string_append_printf(s->line, "IDB %u %u", i.linktype, i.snaplen);
	i.tsresol = take(s, 1);
	say(s, "if_tsresol", i.tsresol ? i.tsresol : 9);
	i.name = take_text(s, "if_name");
	i.description = take_text(s, "if_description");
	i.speed_bps = take(s, 1) & 1 ? take(s, 8) : 0;
	if (i.speed_bps)
		say(s, "if_speed", i.speed_bps);
	i.os = take_text(s, "if_os");
	i.hardware = take_text(s, "if_hardware");
	i.tzname = take_text(s, "if_iana_tzname");
	i.options = take_options(s);
	r = pcapng_writer_add_interface(s->w, &i, &id);
	g_assert_true(r < 0 || id == s->interfaces);
	s->interfaces += r == 0;
	return r;
}

/* Contiguous or two fragments; sometimes large enough to be referenced. */
static void take_data(struct script *s, struct pcapng_packet *p)
{
	size_t n = take(s, 1) * (take(s, 1) % 8 ? 1 : 40);
	const uint8_t *data = take_bytes(s, n);
	struct iovec *frags = (void *)take_bytes(s, 2 * sizeof(*frags));

	if (take(s, 1) & 1) {
		size_t first = n ? take(s, 1) % n : 0;

		frags[0] = (struct iovec){ (void *)data, first };
		frags[1] = (struct iovec){ (void *)(data + first), n - first };
		p->frags = frags;
		p->n_frags = 2;
	} else {
		p->data = data;
		p->caplen = n;
	}
	p->len = n + take(s, 1);
	g_string_append_printf(s->line, " %zu %u", n, p->len);
	say_hex(s, "data", data, n);
}

/* Kinds and lengths, including invalid ones. */
static void take_hash(struct script *s, struct pcapng_packet *p)
{
	struct pcapng_hash *hash;

	if (take(s, 1) % 4)
		return;
	hash = (void *)take_bytes(s, sizeof(*hash));
	memset(hash, 0, sizeof(*hash));
	hash->algorithm = take(s, 1) % 7;
	hash->len = take(s, 1) & 1 ? take(s, 1) : 4;
	hash->data = take_bytes(s, hash->len);
	p->hashes = hash;
	p->n_hashes = 1;
	g_string_append_printf(s->line, " epb_hash=%u:", hash->algorithm);
	for (size_t i = 0; i < hash->len; i++)
		g_string_append_printf(s->line, "%02x", ((const uint8_t *)hash->data)[i]);
}

static void take_verdict(struct script *s, struct pcapng_packet *p)
{
	struct pcapng_verdict *verdict;

	if (take(s, 1) % 4)
		return;
	verdict = (void *)take_bytes(s, sizeof(*verdict));
	memset(verdict, 0, sizeof(*verdict));
	verdict->kind = 1 + take(s, 1) % 3;
	verdict->value = take(s, 8);
	p->verdicts = verdict;
	p->n_verdicts = 1;
	g_string_append_printf(s->line, " epb_verdict=%u:%" G_GUINT64_FORMAT, verdict->kind,
			       verdict->value);
}

static int call_packet(struct script *s)
{
	struct pcapng_packet p = { .interface = take(s, 1) % 4, .ts = take(s, 8) };

	g_string_append_printf(s->line, "EPB %u %" G_GUINT64_FORMAT, p.interface, p.ts);
	take_data(s, &p);
	p.mask = take(s, 1) & 31;
	if (p.mask & PCAPNG_PACKET_FLAGS)
		say(s, "epb_flags",
		    p.flags = take(s, 4) & (take(s, 1) & 1 ? UINT32_MAX : 0xff00060a));
	if (p.mask & PCAPNG_PACKET_DROPCOUNT)
		say(s, "epb_dropcount", p.dropcount = take(s, 8));
	if (p.mask & PCAPNG_PACKET_PACKETID)
		say(s, "epb_packetid", p.packetid = take(s, 8));
	if (p.mask & PCAPNG_PACKET_QUEUE)
		say(s, "epb_queue", p.queue = take(s, 4));
	if (p.mask & PCAPNG_PACKET_PROCESS) {
		say(s, "pid", p.pid = take(s, 4));
		say(s, "tid", p.tid = take(s, 4));
	}
	take_hash(s, &p);
	take_verdict(s, &p);
	p.options = take_options(s);
	return pcapng_writer_add_packet(s->w, &p);
}

/* Either the length that the format implies or any other, which the writer must refuse. */
static int call_simple_packet(struct script *s)
{
	struct pcapng_packet p = { .len = take(s, 1) };
	uint32_t caplen = take(s, 1) & 1 ? take(s, 1) : p.len;

	p.caplen = caplen;
	p.data = take_bytes(s, caplen);
	g_string_append_printf(s->line, "SPB %u %u", caplen, p.len);
	say_hex(s, "data", p.data, caplen);
	return pcapng_writer_add_simple_packet(s->w, &p);
}

static int call_journal(struct script *s)
{
	GString *entry = g_string_new("__REALTIME_TIMESTAMP=");
	size_t len;
	char *text;

	g_string_append_printf(entry, "%u\nMESSAGE=", (unsigned int)take(s, 4));
	for (unsigned int n = take(s, 1); n > 0; n--)
		g_string_append_c(entry, 'a' + take(s, 1) % 26);
	g_string_append_c(entry, '\n');
	g_string_append(s->line, "JOURNAL");
	say_hex(s, "data", entry->str, entry->len);
	len = entry->len;
	text = g_string_free(entry, FALSE);
	g_ptr_array_add(s->garbage, text);
	return pcapng_writer_add_journal(s->w, text, len);
}

/* Without options: only the vendor knows where they would start. */
static int call_custom(struct script *s)
{
	struct pcapng_custom custom = { .pen = take(s, 4), .no_copy = take(s, 1) & 1 };

	custom.len = take(s, 1) & ~3u;
	custom.data = take_bytes(s, custom.len);
	g_string_append_printf(s->line, "%s pen=%u", custom.no_copy ? "CUSTOM_NO_COPY" : "CUSTOM",
			       custom.pen);
	say_hex(s, "body", custom.data, custom.len);
	return pcapng_writer_add_custom(s->w, &custom);
}

static int call_stats(struct script *s)
{
	struct pcapng_stats stats = { .interface = take(s, 1) % 4, .ts = take(s, 8) };

	g_string_append_printf(s->line, "ISB %u %" G_GUINT64_FORMAT, stats.interface, stats.ts);
	stats.mask = take(s, 1) & (PCAPNG_STATS_STARTTIME | PCAPNG_STATS_IFRECV);
	if (stats.mask & PCAPNG_STATS_STARTTIME)
		say(s, "isb_starttime", stats.starttime = take(s, 8));
	/*
	 * Never decreasing: a counter that goes back is a fault of the caller, which the checker
	 * finds.
	 */
	if (stats.mask & PCAPNG_STATS_IFRECV)
		say(s, "isb_ifrecv", stats.ifrecv = pcapng_writer_bytes(s->w));
	stats.options = take_options(s);
	return pcapng_writer_add_stats(s->w, &stats);
}

static int call_secrets(struct script *s)
{
	struct pcapng_secrets secrets = { .type = PCAPNG_SECRETS_TLS, .len = take(s, 1) };

	secrets.data = take_bytes(s, secrets.len);
	g_string_append(s->line, "DSB");
	say_hex(s, "data", secrets.data, secrets.len);
	secrets.options = take_options(s);
	return pcapng_writer_add_secrets(s->w, &secrets);
}

static int call_names(struct script *s)
{
	static const uint8_t lengths[] = { 0, 4, 16, 6, 8 };
	struct pcapng_name record = { .type = take(s, 1) % 5 };
	struct pcapng_names names = { .records = &record, .n_records = 1 };
	const char *name;

	g_string_append(s->line, "NRB");
	record.address = take_bytes(s, 16);
	say_hex(s, "address", record.address, lengths[record.type]);
	name = take_text(s, "name");
	record.names = &name;
	record.n_names = name ? 1 : 0;
	names.options = take_options(s);
	return pcapng_writer_add_names(s->w, &names);
}

static int call_raw(struct script *s)
{
	uint32_t type = take(s, 4), len = take(s, 1);
	const uint8_t *body = take_bytes(s, len + 4);

	g_string_append_printf(s->line, "0x%08x", type);
	say_hex(s, "body", body, (len + 3) & ~3u);
	return pcapng_writer_add_raw(s->w, type, body, (len + 3) & ~3u);
}

static struct pcapng_section take_section(struct script *s)
{
	struct pcapng_section section = { .order = take(s, 1) % 3 };

	g_string_append(s->line, "SHB");
	section.hardware = take_text(s, "shb_hardware");
	section.os = take_text(s, "shb_os");
	section.userappl = take_text(s, "shb_userappl");
	section.options = take_options(s);
	return section;
}

static int call_section(struct script *s)
{
	struct pcapng_section section = take_section(s);
	int r = pcapng_writer_add_section(s->w, &section);

	if (r == 0)
		s->interfaces = 0;
	return r;
}

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	struct script *s = user;
	size_t left = s->pace ? s->pace : SIZE_MAX, before = s->file->len;

	if (s->pace && ++s->calls % 5 == 0)
		return s->calls % 2 ? -EINTR : -EAGAIN;
	for (int i = 0; i < iovcnt && left; i++) {
		size_t n = MIN(iov[i].iov_len, left);

		g_byte_array_append(s->file, iov[i].iov_base, n);
		left -= n;
	}
	return s->file->len - before;
}

static void end_call(struct script *s, int r)
{
	if (r == 0 && s->model)
		g_string_append_printf(s->model, "%s\n", s->line->str);
	g_string_truncate(s->line, 0);
	/* After a flush, whatever it returned, nothing of a call is referenced. */
	(void)pcapng_writer_flush(s->w);
	g_ptr_array_set_size(s->garbage, 0);
}

static void run_calls(struct script *s)
{
	static int (*const calls[])(struct script *) = {
		call_packet,  call_interface,	  call_stats,	call_packet,
		call_secrets, call_names,	  call_raw,	call_packet,
		call_section, call_simple_packet, call_journal, call_custom,
	};

	while (s->at < s->end) {
		uint64_t before = pcapng_writer_bytes(s->w);
		int r = calls[take(s, 1) % G_N_ELEMENTS(calls)](s);

		g_assert_true(r == 0 || r == -EINVAL || r == -EAGAIN);
		g_assert_true(r == 0 || pcapng_writer_bytes(s->w) == before);
		end_call(s, r);
	}
}

void script_run(const uint8_t *script, size_t len, GByteArray *file, GString *model)
{
	struct script s = { .at = script, .end = script + len, .file = file, .model = model };
	struct pcapng_writer_config config = { .size = sizeof(config), .buffer_size = 8192 };
	struct pcapng_section section;

	s.line = g_string_new(NULL);
	s.garbage = g_ptr_array_new_with_free_func(g_free);
	s.pace = take(&s, 1);
	config.profile = take(&s, 1) % 8 ? PCAPNG_PROFILE_STRICT : PCAPNG_PROFILE_LIBPCAP;
	section = take_section(&s);
	if (pcapng_writer_new(&section, &config, output, &s, &s.w) == 0) {
		end_call(&s, 0);
		run_calls(&s);
		s.pace = 0;
		g_assert_cmpint(pcapng_writer_flush(s.w), ==, 0);
		g_assert_cmpuint(pcapng_writer_bytes(s.w), ==, file->len);
		pcapng_writer_free(s.w);
	}
	g_ptr_array_unref(s.garbage);
	g_string_free(s.line, TRUE);
}
