/* SPDX-License-Identifier: MIT */
/*
 * option.c - options: code, length, value, padding
 *
 * Everything goes through opt_put(), which looks up the option in the tables below: the tables of
 * the draft, one per block type, with the lengths that a writer must use. So an option of the draft
 * in the `extra` list gets the same checks as one that has a member.
 */
#include "pcapng/blocks/option.h"

enum check {
	CHECK_NOTHING,
	CHECK_TEXT,
	CHECK_FLAGS,   /* epb_flags */
	CHECK_HASH,    /* epb_hash */
	CHECK_VERDICT, /* epb_verdict */
	CHECK_PREFIX,  /* if_IPv6addr */
};

struct rule {
	const char *name; /* NULL: no option has this code */
	uint16_t min, max;
	bool repeats;
	enum check check;
};

#define ANY	   0, UINT16_MAX
#define EXACTLY(n) n, n

/* [pcapng §section_shb] */
static const struct rule shb_rules[] = {
	[PCAPNG_SHB_HARDWARE] = { "shb_hardware", ANY, false, CHECK_TEXT },
	[PCAPNG_SHB_OS] = { "shb_os", ANY, false, CHECK_TEXT },
	[PCAPNG_SHB_USERAPPL] = { "shb_userappl", ANY, false, CHECK_TEXT },
};

/* [pcapng §section_idb] */
static const struct rule idb_rules[] = {
	[PCAPNG_IF_NAME] = { "if_name", ANY, false, CHECK_TEXT },
	[PCAPNG_IF_DESCRIPTION] = { "if_description", ANY, false, CHECK_TEXT },
	[PCAPNG_IF_IPV4ADDR] = { "if_IPv4addr", EXACTLY(8), true, CHECK_NOTHING },
	[PCAPNG_IF_IPV6ADDR] = { "if_IPv6addr", EXACTLY(17), true, CHECK_PREFIX },
	[PCAPNG_IF_MACADDR] = { "if_MACaddr", EXACTLY(6), false, CHECK_NOTHING },
	[PCAPNG_IF_EUIADDR] = { "if_EUIaddr", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_IF_SPEED] = { "if_speed", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_IF_TSRESOL] = { "if_tsresol", EXACTLY(1), false, CHECK_NOTHING },
	[PCAPNG_IF_TZONE] = { "if_tzone", EXACTLY(4), false, CHECK_NOTHING },
	[PCAPNG_IF_FILTER] = { "if_filter", 1, UINT16_MAX, false, CHECK_NOTHING },
	[PCAPNG_IF_OS] = { "if_os", ANY, false, CHECK_TEXT },
	[PCAPNG_IF_FCSLEN] = { "if_fcslen", EXACTLY(1), false, CHECK_NOTHING },
	[PCAPNG_IF_TSOFFSET] = { "if_tsoffset", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_IF_HARDWARE] = { "if_hardware", ANY, false, CHECK_TEXT },
	[PCAPNG_IF_TXSPEED] = { "if_txspeed", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_IF_RXSPEED] = { "if_rxspeed", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_IF_IANA_TZNAME] = { "if_iana_tzname", ANY, false, CHECK_TEXT },
};

/* [pcapng §section_epb] */
static const struct rule epb_rules[] = {
	[PCAPNG_EPB_FLAGS] = { "epb_flags", EXACTLY(4), false, CHECK_FLAGS },
	[PCAPNG_EPB_HASH] = { "epb_hash", 1, UINT16_MAX, true, CHECK_HASH },
	[PCAPNG_EPB_DROPCOUNT] = { "epb_dropcount", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_EPB_PACKETID] = { "epb_packetid", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_EPB_QUEUE] = { "epb_queue", EXACTLY(4), false, CHECK_NOTHING },
	[PCAPNG_EPB_VERDICT] = { "epb_verdict", 1, UINT16_MAX, true, CHECK_VERDICT },
	[PCAPNG_EPB_PROCESSID_THREADID] = { "epb_processid_threadid", EXACTLY(8), false,
					    CHECK_NOTHING },
};

/* [pcapng §section_nrb] */
static const struct rule nrb_rules[] = {
	[PCAPNG_NS_DNSNAME] = { "ns_dnsname", ANY, false, CHECK_TEXT },
	[PCAPNG_NS_DNSIP4ADDR] = { "ns_dnsIP4addr", EXACTLY(4), false, CHECK_NOTHING },
	[PCAPNG_NS_DNSIP6ADDR] = { "ns_dnsIP6addr", EXACTLY(16), false, CHECK_NOTHING },
};

/* [pcapng §section_isb] */
static const struct rule isb_rules[] = {
	[PCAPNG_ISB_STARTTIME] = { "isb_starttime", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_ENDTIME] = { "isb_endtime", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_IFRECV] = { "isb_ifrecv", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_IFDROP] = { "isb_ifdrop", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_FILTERACCEPT] = { "isb_filteraccept", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_OSDROP] = { "isb_osdrop", EXACTLY(8), false, CHECK_NOTHING },
	[PCAPNG_ISB_USRDELIV] = { "isb_usrdeliv", EXACTLY(8), false, CHECK_NOTHING },
};

/* [pcapng §section_opt] Valid in every block. */
static const struct rule comment_rule = { "opt_comment", ANY, true, CHECK_TEXT };
static const struct rule custom_rule = { "opt_custom", 4, UINT16_MAX, true, CHECK_NOTHING };
/* Not in the draft: of local use, or newer than this library. */
static const struct rule unknown_rule = { "extra option", ANY, true, CHECK_NOTHING };

#define FIND(rules, code)                                                                          \
	((code) < sizeof(rules) / sizeof((rules)[0]) && (rules)[code].name ? &(rules)[code] : NULL)

static const struct rule *find_own_rule(uint32_t type, uint16_t code)
{
	switch (type) {
	case PCAPNG_BLOCK_EPB: return FIND(epb_rules, code);
	case PCAPNG_BLOCK_ISB: return FIND(isb_rules, code);
	case PCAPNG_BLOCK_IDB: return FIND(idb_rules, code);
	case PCAPNG_BLOCK_SHB: return FIND(shb_rules, code);
	case PCAPNG_BLOCK_NRB: return FIND(nrb_rules, code);
	default: return NULL;
	}
}

static const struct rule *find_rule(uint32_t type, uint16_t code)
{
	const struct rule *rule;

	switch (code) {
	case PCAPNG_OPT_COMMENT: return &comment_rule;
	case PCAPNG_OPT_CUSTOM_STRING:
	case PCAPNG_OPT_CUSTOM_BYTES:
	case PCAPNG_OPT_CUSTOM_STRING_NO_COPY:
	case PCAPNG_OPT_CUSTOM_BYTES_NO_COPY: return &custom_rule;
	}
	rule = find_own_rule(type, code);
	return rule ? rule : &unknown_rule;
}

/* [pcapng §section_epb_flags] */
static const char *check_flags(const struct block *b, const uint8_t *value)
{
	uint32_t flags;

	memcpy(&flags, value, sizeof(flags));
	return opt_refuse_flags(block_u32(b, flags));
}

static const char *check_hash(uint8_t algorithm, size_t len)
{
	static const uint8_t lengths[] = {
		[PCAPNG_HASH_CRC32] = 4,
		[PCAPNG_HASH_MD5] = 16,
		[PCAPNG_HASH_SHA1] = 20,
		[PCAPNG_HASH_TOEPLITZ] = 4,
	};

	if (algorithm >= sizeof(lengths))
		return "unknown algorithm";
	if (lengths[algorithm] && lengths[algorithm] != len)
		return "wrong length for this algorithm";
	return NULL;
}

static const char *check_verdict(uint8_t kind, size_t len)
{
	if (kind > PCAPNG_VERDICT_EBPF_XDP)
		return "unknown kind";
	if (kind != PCAPNG_VERDICT_HARDWARE && len != sizeof(uint64_t))
		return "an eBPF verdict has 8 bytes";
	return NULL;
}

/* NULL if valid, else the reason. */
static const char *check_value(const struct block *b, const struct rule *rule, const uint8_t *value,
			       size_t len)
{
	switch (rule->check) {
	case CHECK_NOTHING: return NULL;
	case CHECK_TEXT: return utf8_is_valid(value, len) ? NULL : "not valid UTF-8";
	case CHECK_FLAGS: return check_flags(b, value);
	case CHECK_HASH: return check_hash(value[0], len - 1);
	case CHECK_VERDICT: return check_verdict(value[0], len - 1);
	case CHECK_PREFIX: return value[16] <= 128 ? NULL : "prefix length above 128";
	}
	return NULL;
}

static const char *check_option(const struct block *b, const struct rule *rule, uint16_t code,
				const void *value, size_t len)
{
	if (code == PCAPNG_OPT_ENDOFOPT)
		return "code 0 ends the options";
	if (len > UINT16_MAX)
		return "longer than 65535 bytes";
	if (len < rule->min || len > rule->max)
		return "wrong length";
	if (len && !value)
		return "no value";
	if (!rule->repeats && opt_is_there(b, code))
		return "given twice";
	return check_value(b, rule, value, len);
}

void opt_put(struct block *b, uint16_t code, const void *value, size_t len)
{
	const struct rule *rule = find_rule(b->type, code);
	const char *why = check_option(b, rule, code, value, len);

	if (why) {
		block_refuse(b, rule->name, why);
		return;
	}
	b->has_options = true;
	if (code < 32)
		b->seen |= 1u << code;
	block_put_u16(b, code);
	block_put_u16(b, len);
	block_put(b, value, len);
	block_pad(b);
}

void opt_string(struct block *b, uint16_t code, const char *text)
{
	if (text)
		opt_put(b, code, text, strlen(text));
}

void opt_bytes(struct block *b, uint16_t code, const void *value, size_t len)
{
	if (value)
		opt_put(b, code, value, len);
}

void opt_u8(struct block *b, uint16_t code, uint8_t value)
{
	opt_put(b, code, &value, sizeof(value));
}

void opt_u32(struct block *b, uint16_t code, uint32_t value)
{
	value = block_u32(b, value);
	opt_put(b, code, &value, sizeof(value));
}

void opt_u64(struct block *b, uint16_t code, uint64_t value)
{
	value = block_u64(b, value);
	opt_put(b, code, &value, sizeof(value));
}

void opt_time(struct block *b, uint16_t code, uint64_t ts)
{
	uint32_t words[2] = { block_u32(b, ts >> 32), block_u32(b, ts) };

	opt_put(b, code, words, sizeof(words));
}

/*
 * Tag and value are not contiguous in the caller's memory and may be 64 KiB long, so opt_put()
 * cannot take them as one value. The checks need only the tag and the length.
 */
void opt_tagged(struct block *b, uint16_t code, uint8_t tag, const void *value, size_t len)
{
	const struct rule *rule = find_rule(b->type, code);
	const char *why;

	why = len && !value ? "no value" : check_option(b, rule, code, &tag, len + 1);
	if (why) {
		block_refuse(b, rule->name, why);
		return;
	}
	b->has_options = true;
	b->seen |= 1u << code;
	block_put_u16(b, code);
	block_put_u16(b, len + 1);
	block_put_u8(b, tag);
	block_put(b, value, len);
	block_pad(b);
}

/* [pcapng §section_custom_option] The enterprise number is in section order; the rest is opaque. */
static void opt_custom(struct block *b, const struct pcapng_custom_option *c)
{
	size_t len = c->string && !c->len && c->data ? strlen(c->data) : c->len;
	uint16_t code = PCAPNG_OPT_CUSTOM_BYTES;

	if (c->string)
		code = c->no_copy ? PCAPNG_OPT_CUSTOM_STRING_NO_COPY : PCAPNG_OPT_CUSTOM_STRING;
	else if (c->no_copy)
		code = PCAPNG_OPT_CUSTOM_BYTES_NO_COPY;

	if (len > UINT16_MAX - sizeof(c->pen))
		block_refuse(b, "opt_custom", "longer than 65531 bytes");
	else if (len && !c->data)
		block_refuse(b, "opt_custom", "no value");
	else if (c->string && !utf8_is_valid(c->data, len))
		block_refuse(b, "opt_custom", "not valid UTF-8");
	if (b->why)
		return;
	b->has_options = true;
	block_put_u16(b, code);
	block_put_u16(b, sizeof(c->pen) + len);
	block_put_u32(b, c->pen);
	block_put(b, c->data, len);
	block_pad(b);
}

static void opt_comments(struct block *b, const struct pcapng_options *o)
{
	for (size_t i = 0; i < o->n_comments && !b->why; i++) {
		if (!o->comments || !o->comments[i])
			block_refuse(b, comment_rule.name, "no text");
		else
			opt_string(b, PCAPNG_OPT_COMMENT, o->comments[i]);
	}
}

/*
 * Comments come last: scapy 2.5 stops reading options at a comment that does not end with a
 * newline.
 */
void opt_common(struct block *b, const struct pcapng_options *o)
{
	if ((o->n_extra && !o->extra) || (o->n_custom && !o->custom)) {
		block_refuse(b, "options", "a count without a list");
		return;
	}
	for (size_t i = 0; i < o->n_extra && !b->why; i++)
		opt_put(b, o->extra[i].code, o->extra[i].value, o->extra[i].len);
	for (size_t i = 0; i < o->n_custom && !b->why; i++)
		opt_custom(b, &o->custom[i]);
	opt_comments(b, o);
}

void opt_end(struct block *b)
{
	if (!b->has_options)
		return;
	block_put_u16(b, PCAPNG_OPT_ENDOFOPT);
	block_put_u16(b, 0);
}
