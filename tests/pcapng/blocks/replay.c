/* SPDX-License-Identifier: MIT */
/*
 * replay.c - calls the writer once per line of standard input, with standard output as its output
 *
 *	SHB order=little shb_os=4c696e7578
 *	IDB 1 96 if_name=65746830
 *	EPB 0 1420070400000000 64 data=ffff epb_flags=1 opt_comment=68656c6c6f
 *
 * A line is a block, its numbers, then its fields and options, named as in the draft; text and
 * octets are hexadecimal. All of them go through the struct of the block; opt_NUMBER=... goes to
 * `extra`.
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pcapng/writer.h"

#define MANY 16

struct call {
	const char *block;
	uint64_t numbers[3];
	enum pcapng_order order;
	struct pcapng_section section;
	struct pcapng_interface interface;
	struct pcapng_packet packet;
	struct pcapng_stats stats;
	struct pcapng_names names;
	struct pcapng_custom custom;
	GByteArray *data;
	struct pcapng_options options;
	const char *comments[MANY];
	struct pcapng_custom_option customs[MANY];
	struct pcapng_option extra[MANY];
	struct pcapng_name records[MANY];
	const char *record_names[MANY];
};

enum kind { TEXT, NUMBER64, NUMBER32, NUMBER8 };

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t mask_offset; /* of the mask that has `bit` */
	uint32_t bit;	    /* 0: none */
} fields[] = {
#define FIELD(name, kind, member)                                                                  \
	{                                                                                          \
		name, kind, offsetof(struct call, member), 0, 0                                    \
	}
#define MASKED(name, kind, part, member, bit)                                                      \
	{                                                                                          \
		name, kind, offsetof(struct call, part.member), offsetof(struct call, part.mask),  \
			bit                                                                        \
	}
	FIELD("shb_hardware", TEXT, section.hardware),
	FIELD("shb_os", TEXT, section.os),
	FIELD("shb_userappl", TEXT, section.userappl),
	FIELD("if_name", TEXT, interface.name),
	FIELD("if_description", TEXT, interface.description),
	FIELD("if_filter", TEXT, interface.filter),
	FIELD("if_os", TEXT, interface.os),
	FIELD("if_hardware", TEXT, interface.hardware),
	FIELD("if_iana_tzname", TEXT, interface.tzname),
	FIELD("if_IPv4addr", TEXT, interface.ipv4),
	FIELD("if_IPv6addr", TEXT, interface.ipv6),
	FIELD("if_MACaddr", TEXT, interface.mac),
	FIELD("if_EUIaddr", TEXT, interface.eui),
	FIELD("if_speed", NUMBER64, interface.speed_bps),
	FIELD("if_tsresol", NUMBER8, interface.tsresol),
	MASKED("if_fcslen", NUMBER8, interface, fcslen_bits, PCAPNG_INTERFACE_FCSLEN),
	MASKED("epb_flags", NUMBER32, packet, flags, PCAPNG_PACKET_FLAGS),
	MASKED("epb_dropcount", NUMBER64, packet, dropcount, PCAPNG_PACKET_DROPCOUNT),
	MASKED("isb_starttime", NUMBER64, stats, starttime, PCAPNG_STATS_STARTTIME),
	MASKED("isb_endtime", NUMBER64, stats, endtime, PCAPNG_STATS_ENDTIME),
	MASKED("isb_ifrecv", NUMBER64, stats, ifrecv, PCAPNG_STATS_IFRECV),
	MASKED("isb_ifdrop", NUMBER64, stats, ifdrop, PCAPNG_STATS_IFDROP),
	MASKED("isb_filteraccept", NUMBER64, stats, filteraccept, PCAPNG_STATS_FILTERACCEPT),
	MASKED("isb_osdrop", NUMBER64, stats, osdrop, PCAPNG_STATS_OSDROP),
	MASKED("isb_usrdeliv", NUMBER64, stats, usrdeliv, PCAPNG_STATS_USRDELIV),
};

/* Decodes hexadecimal and appends a NUL. Never freed: the program is short-lived. */
static GByteArray *from_hex(const char *hex)
{
	GByteArray *bytes = g_byte_array_new();

	for (; g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2) {
		uint8_t byte = g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]);

		g_byte_array_append(bytes, &byte, 1);
	}
	g_byte_array_append(bytes, (const uint8_t *)"", 1);
	g_byte_array_set_size(bytes, bytes->len - 1);
	return bytes;
}

static void set_field(struct call *c, const struct field *f, const char *value)
{
	char *at = (char *)c + f->offset;
	uint64_t n = g_ascii_strtoull(value, NULL, 10);

	switch (f->kind) {
	case TEXT: *(const void **)at = from_hex(value)->data; break;
	case NUMBER64: *(uint64_t *)at = n; break;
	case NUMBER32: *(uint32_t *)at = n; break;
	case NUMBER8: *(uint8_t *)at = n; break;
	}
	if (f->bit)
		*(uint32_t *)((char *)c + f->mask_offset) |= f->bit;
	c->interface.n_ipv4 = c->interface.ipv4 ? 1 : 0;
	c->interface.n_ipv6 = c->interface.ipv6 ? 1 : 0;
}

/* opt_custom_string=PEN:HEX and the other three. */
static void add_custom_option(struct call *c, const char *name, const char *value)
{
	GByteArray *data = from_hex(strchr(value, ':') + 1);

	c->customs[c->options.n_custom++] = (struct pcapng_custom_option){
		.pen = g_ascii_strtoull(value, NULL, 10),
		.string = strstr(name, "string"),
		.no_copy = g_str_has_suffix(name, "no_copy"),
		.data = data->data,
		.len = data->len,
	};
}

/* record=TYPE:ADDRESS:NAME */
static void add_record(struct call *c, const char *value)
{
	g_auto(GStrv) parts = g_strsplit(value, ":", 3);
	size_t i = c->names.n_records++;

	c->record_names[i] = (const char *)from_hex(parts[2])->data;
	c->records[i] = (struct pcapng_name){
		.type = g_ascii_strtoull(parts[0], NULL, 10),
		.address = from_hex(parts[1])->data,
		.names = &c->record_names[i],
		.n_names = 1,
	};
}

static void add_word(struct call *c, char *word)
{
	char *value = strchr(word, '=');

	*value++ = '\0';
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (!strcmp(word, fields[i].name)) {
			set_field(c, &fields[i], value);
			return;
		}
	if (!strcmp(word, "order"))
		c->section.order = !strcmp(value, "big") ? PCAPNG_ORDER_BIG : PCAPNG_ORDER_LITTLE;
	else if (!strcmp(word, "data"))
		c->data = from_hex(value);
	else if (!strcmp(word, "record"))
		add_record(c, value);
	else if (!strcmp(word, "opt_comment"))
		c->comments[c->options.n_comments++] = (const char *)from_hex(value)->data;
	else if (g_str_has_prefix(word, "opt_custom"))
		add_custom_option(c, word, value);
	else if (g_str_has_prefix(word, "opt_"))
		c->extra[c->options.n_extra++] = (struct pcapng_option){
			.code = g_ascii_strtoull(word + 4, NULL, 10),
			.len = from_hex(value)->len,
			.value = from_hex(value)->data,
		};
	else
		g_error("what is %s?", word);
}

static int add_packet(struct call *c, struct pcapng_writer *w)
{
	c->packet.data = c->data->data;
	c->packet.caplen = c->data->len;
	c->packet.options = c->options;
	if (!strcmp(c->block, "SPB")) {
		c->packet.len = c->numbers[0];
		return pcapng_writer_add_simple_packet(w, &c->packet);
	}
	c->packet.interface = c->numbers[0];
	c->packet.ts = c->numbers[1];
	c->packet.len = c->numbers[2];
	return pcapng_writer_add_packet(w, &c->packet);
}

static int add_custom(struct call *c, struct pcapng_writer *w)
{
	c->custom.pen = c->numbers[0];
	c->custom.no_copy = !strcmp(c->block, "CUSTOM_NO_COPY");
	c->custom.data = c->data->data;
	c->custom.len = c->data->len;
	c->custom.options = c->options;
	return pcapng_writer_add_custom(w, &c->custom);
}

static int add_block(struct call *c, struct pcapng_writer *w)
{
	c->section.options = c->interface.options = c->stats.options = c->names.options =
		c->options;
	if (!strcmp(c->block, "SHB"))
		return pcapng_writer_add_section(w, &c->section);
	if (!strcmp(c->block, "IDB")) {
		c->interface.linktype = c->numbers[0];
		c->interface.snaplen = c->numbers[1];
		return pcapng_writer_add_interface(w, &c->interface, NULL);
	}
	if (!strcmp(c->block, "ISB")) {
		c->stats.interface = c->numbers[0];
		c->stats.ts = c->numbers[1];
		return pcapng_writer_add_stats(w, &c->stats);
	}
	if (!strcmp(c->block, "NRB"))
		return pcapng_writer_add_names(w, &c->names);
	return g_str_has_suffix(c->block, "PB") ? add_packet(c, w) : add_custom(c, w);
}

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = writev(1, iov, iovcnt);

	return n < 0 ? -errno : n;
}

/* The first line creates the writer, every other line is one call. */
static int run_line(char *line, struct pcapng_writer **w)
{
	g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", -1);
	struct call c = { .block = words[0], .data = from_hex("") };
	int n = 0, r;

	c.options = (struct pcapng_options){ .comments = c.comments,
					     .custom = c.customs,
					     .extra = c.extra };
	c.names.records = c.records;
	for (char **word = words + 1; *word; word++)
		if (strchr(*word, '='))
			add_word(&c, *word);
		else
			c.numbers[n++] = g_ascii_strtoull(*word, NULL, 10);
	if (*w)
		r = add_block(&c, *w);
	else {
		c.section.options = c.options;
		return pcapng_writer_new(&c.section, NULL, output, NULL, w);
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", c.block, pcapng_writer_error(*w)->text);
	/* Large data may be referenced, and its memory goes away now. */
	return r < 0 ? r : pcapng_writer_flush(*w);
}

/* The arguments of a call live until the program ends. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(void)
{
	struct pcapng_writer *w = NULL;
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (r == 0 && getline(&line, &size, stdin) > 0)
		r = run_line(line, &w);
	if (r == 0)
		r = pcapng_writer_flush(w);
	pcapng_writer_free(w);
	free(line);
	return r < 0;
}
