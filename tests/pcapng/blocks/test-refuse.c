/* SPDX-License-Identifier: MIT */
/* test-refuse.c - the writer refuses what the draft or the profile forbids, and leaves no trace */
#include "tests/pcapng/fixture.h"

#define LOCAL	   0x80000001u /* a type for local use */
#define BLOCK_MOST 134348832u  /* Wireshark's limit */

/* The writer refused, wrote nothing, said why, and still works. */
static void assert_refused(struct fixture *f, int r, const char *words)
{
	const struct pcapng_error *e = pcapng_writer_error(f->w);
	uint64_t bytes = pcapng_writer_bytes(f->w);

	g_assert_cmpint(r, ==, -EINVAL);
	g_assert_cmpint(e->code, ==, -EINVAL);
	g_assert_nonnull(strstr(e->text, words));
	g_assert_cmpuint(e->offset, ==, bytes);
	g_assert_cmpuint(pcapng_writer_pending(f->w), ==, 0);
	g_assert_cmpuint(f->sink.bytes->len, ==, bytes);
	g_assert_cmpint(add(f, 60), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	g_assert_cmpuint(f->sink.bytes->len, ==, bytes + 32 + 60);
}

static void test_refuse_packet(struct fixture *f, gconstpointer data)
{
	const struct iovec frag = { payload, 60 };
	const char *const not_utf8[] = { "\xff" };
	const struct pcapng_hash short_hash = { PCAPNG_HASH_MD5, payload, 4 };
	const struct pcapng_verdict no_verdict = { .kind = 9 };
	const struct pcapng_option twice[] = { { 5, 8, payload }, { 5, 8, payload } };
	const struct pcapng_option short_option = { 5, 4, payload };
	const struct pcapng_option end = { 0, 0, NULL };
	const struct pcapng_option short_custom = { PCAPNG_OPT_CUSTOM_BYTES, 3, payload };
	const struct pcapng_custom_option long_custom = { .data = payload, .len = 65532 };
	const struct pcapng_custom_option no_custom = { .len = 1 };
	const struct pcapng_custom_option binary = { .string = true, .data = "\xff" };
	const struct pcapng_verdict octets = { PCAPNG_VERDICT_EBPF_XDP, 2, payload, 8 };
#define BASE .data = payload, .caplen = 60, .len = 60
	const struct {
		struct pcapng_packet packet;
		const char *words;
	} cases[] = {
		{ { BASE, .interface = 1 }, "interface" },
		{ { .data = payload, .caplen = 61, .len = 60 }, "len" },
		{ { .caplen = 60, .len = 60 }, "without data" },
		{ { BASE, .frags = &frag, .n_frags = 1 }, "not both" },
		{ { .n_frags = 1, .len = 60 }, "not both" },
		{ { BASE, .mask = PCAPNG_PACKET_FLAGS, .flags = 0x1000 }, "epb_flags: reserved" },
		{ { BASE, .mask = PCAPNG_PACKET_FLAGS, .flags = 3 }, "epb_flags: unknown dir" },
		{ { BASE, .mask = PCAPNG_PACKET_FLAGS, .flags = 0x14 }, "epb_flags: unknown rec" },
		{ { BASE, .options = { .comments = not_utf8, .n_comments = 1 } }, "opt_comment" },
		{ { BASE, .options = { .n_comments = 1 } }, "opt_comment: no text" },
		{ { BASE, .hashes = &short_hash, .n_hashes = 1 }, "epb_hash" },
		{ { BASE, .n_hashes = 1 }, "without a list" },
		{ { BASE, .verdicts = &no_verdict, .n_verdicts = 1 }, "epb_verdict" },
		{ { BASE, .options = { .extra = twice, .n_extra = 2 } }, "epb_packetid: given tw" },
		{ { BASE, .options = { .extra = &short_option, .n_extra = 1 } }, "wrong length" },
		{ { BASE, .options = { .extra = &end, .n_extra = 1 } }, "ends the options" },
		{ { BASE, .options = { .extra = &short_custom, .n_extra = 1 } }, "wrong length" },
		{ { BASE, .options = { .custom = &long_custom, .n_custom = 1 } }, "than 65531" },
		{ { BASE, .options = { .custom = &no_custom, .n_custom = 1 } }, "no value" },
		{ { BASE, .options = { .custom = &binary, .n_custom = 1 } }, "not valid UTF-8" },
		{ { BASE, .options = { .n_custom = 1 } }, "without a list" },
		{ { BASE, .options = { .n_extra = 1 } }, "without a list" },
		{ { BASE, .verdicts = &octets, .n_verdicts = 1 }, "octets are for hardware" },
	};
#undef BASE

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_refused(f, pcapng_writer_add_packet(f->w, &cases[i].packet), cases[i].words);
	sink_keep(&f->sink);
}

static void test_refuse_interface(struct fixture *f, gconstpointer data)
{
	static const uint8_t prefix[1][17] = { { [16] = 129 } };
	static const struct pcapng_bpf_insn insn;
	g_autofree char *long_text = g_strnfill(65536, 'x');
	const struct {
		struct pcapng_interface interface;
		const char *words;
	} cases[] = {
		{ { .name = long_text }, "if_name: longer" },
		{ { .name = "\xed\xa0\x80" }, "if_name: not valid UTF-8" },
		{ { .name = "\xc0\x80" }, "if_name: not valid UTF-8" },
		{ { .name = "\xf4\x90\x80\x80" }, "if_name: not valid UTF-8" },
		{ { .name = "\xe2\x82" }, "if_name: not valid UTF-8" },
		{ { .name = "\xe0\x80\x80" }, "if_name: not valid UTF-8" },
		{ { .name = "\xf0\x80\x80\x80" }, "if_name: not valid UTF-8" },
		{ { .filter = "\xff" }, "if_filter: not valid UTF-8" },
		{ { .filter = "ip", .filter_bpf = &insn, .n_filter_bpf = 1 }, "not both" },
		{ { .n_filter_bpf = 1 }, "if_filter" },
		{ { .ipv6 = prefix, .n_ipv6 = 1 }, "if_IPv6addr: prefix" },
		{ { .n_ipv4 = 1 }, "without a list" },
		{ { .speed_bps = 1, .txspeed_bps = 2 }, "if_speed" },
		{ { .rxspeed_bps = 2, .txspeed_bps = 2 }, "if_txspeed" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_refused(f, pcapng_writer_add_interface(f->w, &cases[i].interface, NULL),
			       cases[i].words);
	sink_keep(&f->sink);
}

static void test_refuse_others(struct fixture *f, gconstpointer data)
{
	static const uint8_t address[4];
	g_autofree char *long_text = g_strnfill(65532, 'x');
	const char *const empty_name[] = { "" }, *const long_name[] = { long_text };
	const struct pcapng_section no_order = { .order = 3 };
	const struct pcapng_name records[] = {
		{ PCAPNG_NRB_IPV4, address, empty_name, 1 },
		{ PCAPNG_NRB_IPV4, address, NULL, 0 },
		{ 7, address, empty_name, 0 },
		{ PCAPNG_NRB_IPV4, address, long_name, 1 },
	};
	struct pcapng_packet simple = { .data = payload, .caplen = 59, .len = 60 };

	assert_refused(f, pcapng_writer_add_stats(f->w, &(struct pcapng_stats){ .interface = 1 }),
		       "ISB: interface");
	for (size_t i = 0; i < G_N_ELEMENTS(records); i++)
		assert_refused(f,
			       pcapng_writer_add_names(f->w,
						       &(struct pcapng_names){
							       .records = &records[i],
							       .n_records = 1,
						       }),
			       "NRB: record");
	assert_refused(f, pcapng_writer_add_names(f->w, &(struct pcapng_names){ .n_records = 1 }),
		       "without a list");
	assert_refused(f, pcapng_writer_add_secrets(f->w, &(struct pcapng_secrets){ .len = 1 }),
		       "DSB");
	assert_refused(f, pcapng_writer_add_custom(f->w, &(struct pcapng_custom){ .len = 1 }),
		       "custom block");
	assert_refused(f, pcapng_writer_add_journal(f->w, "X__REALTIME_TIMESTAMP=1\n", 24),
		       "__REALTIME_TIMESTAMP");
	assert_refused(f, pcapng_writer_add_raw(f->w, PCAPNG_BLOCK_EPB, payload, 4), "add_raw");
	assert_refused(f, pcapng_writer_add_journal(f->w, NULL, 24), "no entry");
	assert_refused(f, pcapng_writer_add_raw(f->w, 2, payload, 4), "add_raw");
	assert_refused(f, pcapng_writer_add_raw(f->w, LOCAL, NULL, 4), "without data");
	assert_refused(f, pcapng_writer_add_raw(f->w, LOCAL, payload, BLOCK_MOST - 11),
		       "longer than 134348832 bytes");
	assert_refused(f, pcapng_writer_add_section(f->w, &no_order), "unknown byte order");
	assert_refused(f, pcapng_writer_add_simple_packet(f->w, &simple), "caplen");
	simple.caplen = 60;
	simple.ts = 1;
	assert_refused(f, pcapng_writer_add_simple_packet(f->w, &simple), "SPB");
	sink_keep(&f->sink);
}

static void test_snaplen(struct fixture *f, gconstpointer data)
{
	struct pcapng_packet p = { .interface = 1, .data = payload, .caplen = 97, .len = 2000 };
	uint32_t id = 0;

	g_assert_cmpint(pcapng_writer_add_interface(f->w,
						    &(struct pcapng_interface){
							    .linktype = 1,
							    .snaplen = 96,
						    },
						    &id),
			==, 0);
	g_assert_cmpuint(id, ==, 1);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	assert_refused(f, pcapng_writer_add_packet(f->w, &p), "snaplen");
	p.caplen = 96;
	g_assert_cmpint(pcapng_writer_add_packet(f->w, &p), ==, 0);
}

/*
 * dumpcap reads no block above 262144 bytes from a pipe: packets are truncated, other blocks
 * refused.
 */
static void test_live_pipe(void)
{
	struct fixture f = { 0 };
	g_autofree char *long_text = g_strnfill(65000, 'x');
	const char *const comments[] = { long_text, long_text, long_text, long_text, long_text };
	struct pcapng_packet p = { .data = payload, .caplen = 262144, .len = 262144 };

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIVE_PIPE });
	g_assert_cmpint(pcapng_writer_add_packet(f.w, &p), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f.w), ==, 60 + 262144);
	g_assert_cmpint(pcapng_writer_size_packet(f.w, &p), ==, 262144);
	p.options = (struct pcapng_options){ .comments = comments, .n_comments = 3 };
	g_assert_cmpint(pcapng_writer_add_packet(f.w, &p), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f.w), <=, 60 + 2 * 262144);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	p.options.n_comments = 5;
	assert_refused(&f, pcapng_writer_add_packet(f.w, &p), "longer than the profile");
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* Adds a block of `len` bytes in total, of a type that cannot be truncated. */
static int add_long(struct fixture *f, uint32_t type, uint32_t len)
{
	const struct pcapng_secrets secrets = {
		.type = PCAPNG_SECRETS_TLS,
		.data = payload,
		.len = len - 20,
	};
	const struct pcapng_custom custom = { .pen = 32473, .data = payload, .len = len - 16 };
	const struct pcapng_packet simple = { .data = payload,
					      .caplen = len - 16,
					      .len = len - 16 };

	switch (type) {
	case PCAPNG_BLOCK_DSB: return pcapng_writer_add_secrets(f->w, &secrets);
	case PCAPNG_BLOCK_CUSTOM: return pcapng_writer_add_custom(f->w, &custom);
	case PCAPNG_BLOCK_SPB: return pcapng_writer_add_simple_packet(f->w, &simple);
	default: return pcapng_writer_add_raw(f->w, type, payload, len - 12);
	}
}

static void test_live_pipe_blocks(gconstpointer data)
{
	const uint32_t most = 262144, type = GPOINTER_TO_UINT(data);
	struct fixture f = { 0 };

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIVE_PIPE });
	assert_refused(&f, add_long(&f, type, most + 1), "longer than");
	g_assert_cmpint(add_long(&f, type, most), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpuint(f.sink.bytes->len, ==, 60 + 92 + most);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* Only the data is truncated; the length on the wire and the options stay. */
static void test_live_pipe_cut(void)
{
	const char *const comments[] = { "kept" };
	const struct pcapng_packet p = {
		.data = payload,
		.caplen = 300000,
		.len = 300000,
		.options = { .comments = comments, .n_comments = 1 },
	};
	struct fixture f = { 0 };
	uint32_t words[7];

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIVE_PIPE });
	g_assert_cmpint(pcapng_writer_add_packet(f.w, &p), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	memcpy(words, f.sink.bytes->data + 60, sizeof(words));
	g_assert_cmpuint(words[1], ==, 262144);
	g_assert_cmpuint(words[5], ==, 262144 - 32 - 8 - 4);
	g_assert_cmpuint(words[6], ==, 300000);
	g_assert_cmpmem(f.sink.bytes->data + 60 + 262144 - 12, 4, "kept", 4);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* Later sections must match the first. */
static void test_live_pipe_later_section(void)
{
	g_autofree char *long_text = g_strnfill(2048 - 28 - 4 - 4 + 1, 'x');
	struct pcapng_section section = { .os = long_text };
	struct fixture f = { 0 };

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIVE_PIPE });
	assert_refused(&f, pcapng_writer_add_section(f.w, &section), "longer than the profile");
	section = (struct pcapng_section){
		.order = G_BYTE_ORDER == G_BIG_ENDIAN ? PCAPNG_ORDER_LITTLE : PCAPNG_ORDER_BIG,
	};
	assert_refused(&f, pcapng_writer_add_section(f.w, &section), "only the host byte order");
	long_text[2048 - 28 - 4 - 4] = '\0';
	section = (struct pcapng_section){ .os = long_text };
	g_assert_cmpint(pcapng_writer_add_section(f.w, &section), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpuint(f.sink.bytes->len, ==, 60 + 2 * 92 + 2048);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* The draft alone: no limit of another profile applies, and nothing is truncated. */
static void test_strict(void)
{
	const struct pcapng_interface other = { .linktype = 113, .snaplen = 96, .tsresol = 20 };
	g_autofree char *long_text = g_strnfill(4000, 'x');
	const struct pcapng_section section = { .order = PCAPNG_ORDER_BIG, .os = long_text };
	struct fixture f = { 0 };

	set_up_with(&f, NULL);
	g_assert_cmpint(add(&f, 300000), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(f.w, &other, NULL), ==, 0);
	g_assert_cmpint(add_long(&f, LOCAL, 262148), ==, 0);
	g_assert_cmpint(add_long(&f, PCAPNG_BLOCK_SPB, 262148), ==, 0);
	g_assert_cmpint(pcapng_writer_add_section(f.w, &section), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpuint(f.sink.bytes->len, ==, 60 + 300032 + 32 + 2 * 262148 + 28 + 4004 + 4);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

static void test_live_pipe_section(void)
{
	g_autofree char *long_text = g_strnfill(2000, 'x');
	struct pcapng_section section = { .os = long_text };
	struct pcapng_error error = { 0 };
	const struct pcapng_writer_config config = {
		.size = sizeof(config),
		.profile = PCAPNG_PROFILE_LIVE_PIPE,
		.error = &error,
	};
	struct sink sink = { .bytes = g_byte_array_new() };
	struct pcapng_writer *w = NULL;

	g_assert_cmpint(pcapng_writer_new(&section, &config, sink_output, &sink, &w), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(w), <=, 2048);
	pcapng_writer_free(w);
	w = NULL;

	section.hardware = "the straw that breaks the camel's back";
	g_assert_cmpint(pcapng_writer_new(&section, &config, sink_output, &sink, &w), ==, -EINVAL);
	g_assert_cmpstr(error.text, ==, "SHB: longer than the profile allows");
	g_assert_null(w);

	section = (struct pcapng_section){ .order = PCAPNG_ORDER_BIG };
	if (G_BYTE_ORDER == G_BIG_ENDIAN)
		section.order = PCAPNG_ORDER_LITTLE;
	g_assert_cmpint(pcapng_writer_new(&section, &config, sink_output, &sink, &w), ==, -EINVAL);
	g_assert_nonnull(strstr(error.text, "order"));
	g_byte_array_unref(sink.bytes);
}

static void test_libpcap(void)
{
	const struct pcapng_interface wrong[] = {
		{ .linktype = PCAPNG_LINKTYPE_RAW },
		{ .linktype = 1, .snaplen = 96 },
		{ .linktype = 1, .tsresol = 20 },
		{ .linktype = 1, .tsresol = PCAPNG_TSRESOL_BINARY(64) },
	};
	struct fixture f = { 0 };

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIBPCAP });
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		assert_refused(&f, pcapng_writer_add_interface(f.w, &wrong[i], NULL), "libpcap");
	g_assert_cmpint(pcapng_writer_add_interface(f.w,
						    &(struct pcapng_interface){
							    .linktype = 1,
							    .snaplen = 262144,
						    },
						    NULL),
			==, 0);
	tear_down(&f, NULL);
}

/* `n` comments of 65000 bytes; each takes 65004 bytes. */
static struct pcapng_options comments_of(const char **room, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		room[i] = text;
	return (struct pcapng_options){ .comments = room, .n_comments = n };
}

/* libpcap's limits: blocks of 16 MiB, a section header of 1 MiB, and one byte order. */
static void test_libpcap_limits(void)
{
	g_autofree char *long_text = g_strnfill(65000, 'x');
	const char *room[300];
	struct fixture f = { 0 };
	struct pcapng_section section = { .order = PCAPNG_ORDER_BIG };
	struct pcapng_packet p = { .data = payload, .caplen = 60, .len = 60 };

	set_up_with(&f, &(struct pcapng_writer_config){ .profile = PCAPNG_PROFILE_LIBPCAP });
	p.options = comments_of(room, 259, long_text); /* 16.06 MiB */
	assert_refused(&f, pcapng_writer_add_packet(f.w, &p), "longer than the profile");
	p.options.n_comments = 258;
	g_assert_cmpint(pcapng_writer_add_packet(f.w, &p), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	assert_refused(&f, pcapng_writer_add_section(f.w, &section),
		       "the same one in all sections");
	section = (struct pcapng_section){ .options = comments_of(room, 17, long_text) };
	assert_refused(&f, pcapng_writer_add_section(f.w, &section), "longer than the profile");
	section.options.n_comments = 16;
	g_assert_cmpint(pcapng_writer_add_section(f.w, &section), ==, 0);
	tear_down(&f, NULL);
}

/* libpcap compares a second interface with its own translation of the first link type. */
static void test_libpcap_raw(void)
{
	const struct pcapng_interface raw = { .linktype = PCAPNG_LINKTYPE_RAW };
	const struct pcapng_writer_config config = { .size = sizeof(config),
						     .profile = PCAPNG_PROFILE_LIBPCAP };
	struct sink sink = { .bytes = g_byte_array_new() };
	struct pcapng_writer *w = NULL;

	g_assert_cmpint(pcapng_writer_new(NULL, &config, sink_output, &sink, &w), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(w, &raw, NULL), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(w, &raw, NULL), ==, -EINVAL);
	g_assert_nonnull(strstr(pcapng_writer_error(w)->text, "libpcap"));
	pcapng_writer_free(w);
	g_byte_array_unref(sink.bytes);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	ADD("refuse/packet", test_refuse_packet);
	ADD("refuse/interface", test_refuse_interface);
	ADD("refuse/others", test_refuse_others);
	ADD("refuse/snaplen", test_snaplen);
	g_test_add_func("/profile/live-pipe", test_live_pipe);
	g_test_add_func("/profile/live-pipe-section", test_live_pipe_section);
	g_test_add_data_func("/profile/live-pipe-dsb", GUINT_TO_POINTER(PCAPNG_BLOCK_DSB),
			     test_live_pipe_blocks);
	g_test_add_data_func("/profile/live-pipe-custom", GUINT_TO_POINTER(PCAPNG_BLOCK_CUSTOM),
			     test_live_pipe_blocks);
	g_test_add_data_func("/profile/live-pipe-simple", GUINT_TO_POINTER(PCAPNG_BLOCK_SPB),
			     test_live_pipe_blocks);
	g_test_add_data_func("/profile/live-pipe-raw", GUINT_TO_POINTER(LOCAL),
			     test_live_pipe_blocks);
	g_test_add_func("/profile/live-pipe-cut", test_live_pipe_cut);
	g_test_add_func("/profile/live-pipe-later-section", test_live_pipe_later_section);
	g_test_add_func("/profile/strict", test_strict);
	g_test_add_func("/profile/libpcap", test_libpcap);
	g_test_add_func("/profile/libpcap-limits", test_libpcap_limits);
	g_test_add_func("/profile/libpcap-raw", test_libpcap_raw);
	r = g_test_run();
	sinks_check();
	return r;
}
