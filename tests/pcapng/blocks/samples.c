/* SPDX-License-Identifier: MIT */
/*
 * samples.c - captures that are written the same way each time: the golden files
 *
 * Byte orders are explicit, so that the files are the same on every machine.
 */
#include <glib.h>

#include "tests/pcapng/blocks/samples.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define COMMENTS(list)                                                                             \
	{                                                                                          \
		.comments = list, .n_comments = COUNT(list)                                        \
	}

static const char *const section_comments[] = { "all options\n" };
static const char *const interface_comments[] = { "hook xdp\n", "native\n" };
static const char *const packet_comments[] = { "first\n", "", "with options\n" };
static const char *const stats_comments[] = { "end\n" };

/* 2026-11-23 04:00:00.123456789 UTC */
#define TIME_NS UINT64_C(1795406400123456789)

/* An ICMP echo request from 192.0.2.1 to 192.0.2.2, 42 bytes: not a multiple of four. */
static const uint8_t ping[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00,
	0x45, 0x00, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0xf6, 0xdd, 0xc0, 0x00,
	0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x08, 0x00, 0xf7, 0xfc, 0x00, 0x01, 0x00, 0x02,
};

static uint32_t add_interface(struct pcapng_writer *w, const struct pcapng_interface *i)
{
	uint32_t id;

	g_assert_cmpint(pcapng_writer_add_interface(w, i, &id), ==, 0);
	return id;
}

static void add_packet(struct pcapng_writer *w, const struct pcapng_packet *p)
{
	g_assert_cmpint(pcapng_writer_add_packet(w, p), ==, 0);
}

static void add_ping(struct pcapng_writer *w, uint32_t interface, uint64_t ts)
{
	add_packet(w, &(struct pcapng_packet){
			      .interface = interface,
			      .ts = ts,
			      .data = ping,
			      .caplen = sizeof(ping),
			      .len = sizeof(ping),
		      });
}

/* What every program starts with. */
static void write_minimal(struct pcapng_writer *w)
{
	uint32_t id = add_interface(w, &(struct pcapng_interface){ .linktype = 1 });

	add_ping(w, id, TIME_NS);
}

static const uint8_t ipv4[][8] = {
	{ 192, 0, 2, 1, 255, 255, 255, 0 },
	{ 198, 51, 100, 1, 255, 255, 255, 128 },
};
static const uint8_t ipv6[][17] = {
	{ 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 64 },
};
static const struct pcapng_bpf_insn icmp_filter[] = {
	{ 0x28, 0, 0, 12 }, { 0x15, 0, 3, 0x0800 }, { 0x30, 0, 0, 23 },
	{ 0x15, 0, 1, 1 },  { 0x06, 0, 0, 262144 }, { 0x06, 0, 0, 0 },
};

static void write_interfaces(struct pcapng_writer *w)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t eui[8] = { 2, 0x34, 0x56, 0xff, 0xfe, 0x78, 0x9a, 0xbc };

	add_interface(w, &(struct pcapng_interface){
				 .linktype = 1,
				 .snaplen = 262144,
				 .mask = PCAPNG_INTERFACE_FCSLEN,
				 .name = "eth0",
				 .description = "Büro, erster Stock",
				 .ipv4 = ipv4,
				 .n_ipv4 = COUNT(ipv4),
				 .ipv6 = ipv6,
				 .n_ipv6 = COUNT(ipv6),
				 .mac = mac,
				 .eui = eui,
				 .speed_bps = 10000000000,
				 .filter = "icmp",
				 .os = "Linux 6.1",
				 .hardware = "virtio_net",
				 .tzname = "Europe/Berlin",
				 .options = COMMENTS(interface_comments),
			 });
	add_interface(w, &(struct pcapng_interface){
				 .linktype = 1,
				 .snaplen = 262144,
				 .tsresol = 6,
				 .name = "eth1",
				 .txspeed_bps = 10000000,
				 .rxspeed_bps = 100000000,
				 .filter_bpf = icmp_filter,
				 .n_filter_bpf = COUNT(icmp_filter),
			 });
	add_interface(w, &(struct pcapng_interface){
				 .linktype = 1,
				 .snaplen = 262144,
				 .tsresol = PCAPNG_TSRESOL_BINARY(20),
				 .tsoffset = 1795406400,
				 .name = "eth2",
			 });
}

static void write_packets(struct pcapng_writer *w)
{
	static const struct pcapng_verdict verdicts[] = {
		{ .kind = PCAPNG_VERDICT_EBPF_XDP, .value = 2 },
		{ .kind = PCAPNG_VERDICT_EBPF_TC, .value = UINT64_MAX },
		{ .kind = PCAPNG_VERDICT_HARDWARE, .data = "\1\2\3", .len = 3 },
	};
	static const struct pcapng_hash hashes[] = {
		{ PCAPNG_HASH_CRC32, "\xec\x1d\x87\x97", 4 },
		{ PCAPNG_HASH_TOEPLITZ, "\1\2\3\4", 4 },
	};
	const struct iovec frags[] = {
		{ (void *)ping, 5 },
		{ (void *)(ping + 5), 0 },
		{ (void *)(ping + 5), sizeof(ping) - 5 },
	};

	add_packet(w, &(struct pcapng_packet){
			      .ts = TIME_NS,
			      .frags = frags,
			      .n_frags = COUNT(frags),
			      .len = 1500,
			      .mask = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_DROPCOUNT |
				      PCAPNG_PACKET_PACKETID | PCAPNG_PACKET_QUEUE |
				      PCAPNG_PACKET_PROCESS,
			      .flags = PCAPNG_FLAG_INBOUND | PCAPNG_FLAG_UNICAST |
				       PCAPNG_FLAG_CSUM_VALID,
			      .dropcount = 3,
			      .packetid = UINT64_C(0x0123456789abcdef),
			      .queue = 7,
			      .pid = 1234,
			      .tid = 1235,
			      .verdicts = verdicts,
			      .n_verdicts = COUNT(verdicts),
			      .hashes = hashes,
			      .n_hashes = COUNT(hashes),
			      .options = COMMENTS(packet_comments),
		      });
	/* Zero is a value. */
	add_packet(w, &(struct pcapng_packet){
			      .interface = 1,
			      .ts = TIME_NS / 1000,
			      .len = 60,
			      .mask = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_DROPCOUNT |
				      PCAPNG_PACKET_PACKETID | PCAPNG_PACKET_QUEUE,
			      .data = ping,
			      .caplen = sizeof(ping),
		      });
	add_ping(w, 2, 1 << 19);
}

static void write_stats(struct pcapng_writer *w)
{
	static const struct pcapng_stats all = {
		.mask = PCAPNG_STATS_STARTTIME | PCAPNG_STATS_ENDTIME | PCAPNG_STATS_IFRECV |
			PCAPNG_STATS_IFDROP | PCAPNG_STATS_FILTERACCEPT | PCAPNG_STATS_OSDROP |
			PCAPNG_STATS_USRDELIV,
		.ts = TIME_NS + 2000000000,
		.starttime = TIME_NS - 1000000000,
		.endtime = TIME_NS + 1000000000,
		.ifrecv = 10,
		.filteraccept = 4,
		.osdrop = 3,
		.usrdeliv = 1,
		.options = COMMENTS(stats_comments),
	};

	g_assert_cmpint(pcapng_writer_add_stats(w, &all), ==, 0);
	g_assert_cmpint(pcapng_writer_add_stats(w, &(struct pcapng_stats){ .interface = 1,
									   .ts = TIME_NS / 1000 }),
			==, 0);
}

/* Every option of SHB, IDB, EPB and ISB. */
static void write_options(struct pcapng_writer *w)
{
	write_interfaces(w);
	write_packets(w);
	write_stats(w);
}

static void write_empty(struct pcapng_writer *w)
{
	write_interfaces(w);
}

static const struct pcapng_custom_option custom_options[] = {
	{ .pen = 32473, .string = true, .data = "text" },
	{ .pen = 32473, .data = "\1\2\3\4\5", .len = 5 },
	{ .pen = 32473, .string = true, .no_copy = true, .data = "private" },
	{ .pen = 32473, .no_copy = true },
};
/* Readers check the first codes for local use: Apple's, to them. */
static const struct pcapng_option local_options[] = {
	{ PCAPNG_OPT_LOCAL | 2001, 3, "abc" },
	{ PCAPNG_OPT_LOCAL | 2001, 0, NULL },
};
#define ALL_OPTIONS                                                                                \
	{                                                                                          \
		.comments = stats_comments, .n_comments = COUNT(stats_comments),                   \
		.custom = custom_options, .n_custom = COUNT(custom_options),                       \
		.extra = local_options, .n_extra = COUNT(local_options)                            \
	}

static void add_names(struct pcapng_writer *w)
{
	static const char *const one[] = { "one.example" };
	static const char *const two[] = { "two.example", "zwei.example" };
	static const uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	static const uint8_t server[4] = { 192, 0, 2, 53 };
	static const struct pcapng_name records[] = {
		{ PCAPNG_NRB_IPV4, ipv4[0], one, COUNT(one) },
		{ PCAPNG_NRB_IPV6, address, two, COUNT(two) },
		{ PCAPNG_NRB_EUI48, ping, one, COUNT(one) },
		{ PCAPNG_NRB_EUI64, ping, one, COUNT(one) },
	};
	static const struct pcapng_names names = {
		.records = records,
		.n_records = COUNT(records),
		.dnsname = "ns.example",
		.dns_ip4 = server,
		.dns_ip6 = address,
		.options = ALL_OPTIONS,
	};

	g_assert_cmpint(pcapng_writer_add_names(w, &names), ==, 0);
	g_assert_cmpint(pcapng_writer_add_names(w, &(struct pcapng_names){ 0 }), ==, 0);
}

static void add_secrets(struct pcapng_writer *w)
{
	static const char key_log[] = "CLIENT_RANDOM 01 02\n";
	static const struct pcapng_secrets secrets = {
		.type = PCAPNG_SECRETS_TLS,
		.data = key_log,
		.len = sizeof(key_log) - 1,
		.options = ALL_OPTIONS,
	};

	g_assert_cmpint(pcapng_writer_add_secrets(w, &secrets), ==, 0);
}

static void add_customs(struct pcapng_writer *w)
{
	static const struct pcapng_custom custom = {
		.pen = 32473,
		.data = "data!",
		.len = 5,
		.options = ALL_OPTIONS,
	};
	static const struct pcapng_custom no_copy = { .pen = 32473, .no_copy = true };

	g_assert_cmpint(pcapng_writer_add_custom(w, &custom), ==, 0);
	g_assert_cmpint(pcapng_writer_add_custom(w, &no_copy), ==, 0);
}

/* One of each of the other blocks. */
static void write_blocks(struct pcapng_writer *w)
{
	static const char entry[] = "__REALTIME_TIMESTAMP=1795406400123456\nMESSAGE=Hello\n";
	const struct pcapng_packet simple = { .data = ping, .caplen = 40, .len = sizeof(ping) };

	add_interface(w, &(struct pcapng_interface){
				 .linktype = 1,
				 .snaplen = 40,
				 .options = ALL_OPTIONS,
			 });
	add_names(w);
	add_secrets(w);
	g_assert_cmpint(pcapng_writer_add_simple_packet(w, &simple), ==, 0);
	g_assert_cmpint(pcapng_writer_add_raw(w, PCAPNG_BLOCK_LOCAL | 7, "12345", 5), ==, 0);
	g_assert_cmpint(pcapng_writer_add_raw(w, PCAPNG_BLOCK_LOCAL | 8, NULL, 0), ==, 0);
	add_packet(w, &(struct pcapng_packet){
			      .ts = TIME_NS,
			      .data = ping,
			      .caplen = 40,
			      .len = sizeof(ping),
			      .options = ALL_OPTIONS,
		      });
	g_assert_cmpint(pcapng_writer_add_journal(w, entry, sizeof(entry) - 1), ==, 0);
	add_customs(w);
	g_assert_cmpint(pcapng_writer_add_stats(w,
						&(struct pcapng_stats){ .options = ALL_OPTIONS }),
			==, 0);
}

static const struct pcapng_section minimal_section = {
	.order = PCAPNG_ORDER_LITTLE,
};
static const struct pcapng_section little_section = {
	.hardware = "x86_64",
	.os = "Linux 6.1",
	.userappl = "samples",
	.order = PCAPNG_ORDER_LITTLE,
	.options = COMMENTS(section_comments),
};
static const struct pcapng_section big_section = {
	.hardware = "s390x",
	.os = "Linux 6.1",
	.userappl = "samples",
	.order = PCAPNG_ORDER_BIG,
	.options = COMMENTS(section_comments),
};

/* Three sections, the second in the other byte order; interface 0 differs between them. */
static void write_sections(struct pcapng_writer *w)
{
	write_minimal(w);
	g_assert_cmpint(pcapng_writer_add_section(w, &big_section), ==, 0);
	add_ping(w, add_interface(w, &(struct pcapng_interface){ .linktype = 1, .tsresol = 6 }),
		 TIME_NS / 1000);
	g_assert_cmpint(pcapng_writer_add_section(w, &minimal_section), ==, 0);
	write_minimal(w);
}

const struct sample samples[] = {
	{ "minimal", &minimal_section, write_minimal },
	{ "empty", &little_section, write_empty },
	{ "options-little", &little_section, write_options },
	{ "options-big", &big_section, write_options },
	{ "blocks-little", &little_section, write_blocks },
	{ "blocks-big", &big_section, write_blocks },
	{ "sections", &minimal_section, write_sections },
	{ 0 },
};
