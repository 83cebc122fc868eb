/* SPDX-License-Identifier: MIT */
/*
 * encode.c - struct in, block out: one function per block type
 *
 * An option is one line. if_tsresol comes first and comments come last, because scapy 2.5 stops at
 * a comment that does not end with a newline, and a reader that misses if_tsresol is wrong by a
 * factor of 1000. Packets, millions a second, are in encode-packet.c.
 */
#include "pcapng/blocks/encode.h"
#include "pcapng/blocks/option.h"

static const uint8_t default_tsresol = 9;
static const uint32_t stats_mask = 2 * PCAPNG_STATS_USRDELIV -
				   1; /* the highest bit, and all below */

/* [pcapng §section_shb] */
void encode_section(struct block *b, const void *arg)
{
	static const struct pcapng_section none;
	const struct pcapng_section *s = arg ? arg : &none;

	block_begin(b, PCAPNG_BLOCK_SHB);
	encode_check_mask(b, s->mask, 0);
	block_put_u32(b, PCAPNG_MAGIC);
	block_put_u16(b, PCAPNG_VERSION_MAJOR);
	block_put_u16(b, PCAPNG_VERSION_MINOR);
	block_put_u64(b, PCAPNG_LENGTH_UNKNOWN); /* a stream cannot go back and fill it in */
	opt_string(b, PCAPNG_SHB_HARDWARE, s->hardware);
	opt_string(b, PCAPNG_SHB_OS, s->os);
	opt_string(b, PCAPNG_SHB_USERAPPL, s->userappl);
	opt_common(b, &s->options);
	opt_end(b);
	block_end(b);
}

static void put_addresses(struct block *b, const struct pcapng_interface *i)
{
	if ((i->n_ipv4 && !i->ipv4) || (i->n_ipv6 && !i->ipv6)) {
		block_refuse(b, "addresses", "a count without a list");
		return;
	}
	for (size_t n = 0; n < i->n_ipv4 && !b->why; n++)
		opt_bytes(b, PCAPNG_IF_IPV4ADDR, i->ipv4[n], sizeof(i->ipv4[n]));
	for (size_t n = 0; n < i->n_ipv6 && !b->why; n++)
		opt_bytes(b, PCAPNG_IF_IPV6ADDR, i->ipv6[n], sizeof(i->ipv6[n]));
	opt_bytes(b, PCAPNG_IF_MACADDR, i->mac, 6);
	opt_bytes(b, PCAPNG_IF_EUIADDR, i->eui, 8);
}

/* [pcapng §section_idb] if_speed if both directions are equal, else if_txspeed and if_rxspeed. */
static void put_speeds(struct block *b, const struct pcapng_interface *i)
{
	if (i->speed_bps && (i->txspeed_bps || i->rxspeed_bps))
		block_refuse(b, "if_speed", "excludes if_txspeed and if_rxspeed");
	if (i->txspeed_bps && i->txspeed_bps == i->rxspeed_bps)
		block_refuse(b, "if_txspeed", "same as if_rxspeed: that is if_speed");
	if (i->speed_bps)
		opt_u64(b, PCAPNG_IF_SPEED, i->speed_bps);
	if (i->txspeed_bps)
		opt_u64(b, PCAPNG_IF_TXSPEED, i->txspeed_bps);
	if (i->rxspeed_bps)
		opt_u64(b, PCAPNG_IF_RXSPEED, i->rxspeed_bps);
}

static void put_filter_bpf(struct block *b, const struct pcapng_interface *i)
{
	size_t len = 1 + i->n_filter_bpf * sizeof(*i->filter_bpf);

	if (!i->filter_bpf || i->n_filter_bpf > UINT16_MAX / sizeof(*i->filter_bpf)) {
		block_refuse(b, "if_filter", "no list, or more than 8191 instructions");
		return;
	}
	b->has_options = true;
	b->seen |= 1u << PCAPNG_IF_FILTER;
	block_put_u16(b, PCAPNG_IF_FILTER);
	block_put_u16(b, len);
	block_put_u8(b, PCAPNG_FILTER_BPF);
	for (size_t n = 0; n < i->n_filter_bpf; n++) {
		block_put_u16(b, i->filter_bpf[n].code);
		block_put_u8(b, i->filter_bpf[n].jt);
		block_put_u8(b, i->filter_bpf[n].jf);
		block_put_u32(b, i->filter_bpf[n].k);
	}
	block_pad(b);
}

static void put_filter(struct block *b, const struct pcapng_interface *i)
{
	if (i->filter && i->n_filter_bpf)
		block_refuse(b, "if_filter", "text or bytecode, not both");
	else if (i->filter && !utf8_is_valid(i->filter, strlen(i->filter)))
		block_refuse(b, "if_filter", "not valid UTF-8");
	else if (i->filter)
		opt_tagged(b, PCAPNG_IF_FILTER, PCAPNG_FILTER_TEXT, i->filter, strlen(i->filter));
	else if (i->n_filter_bpf)
		put_filter_bpf(b, i);
}

/* [pcapng §section_idb] */
void encode_interface(struct block *b, const void *arg)
{
	const struct pcapng_interface *i = arg;

	block_begin(b, PCAPNG_BLOCK_IDB);
	encode_check_mask(b, i->mask, PCAPNG_INTERFACE_FCSLEN);
	block_put_u16(b, i->linktype);
	block_put_u16(b, 0);
	block_put_u32(b, i->snaplen);
	opt_u8(b, PCAPNG_IF_TSRESOL, i->tsresol ? i->tsresol : default_tsresol);
	opt_string(b, PCAPNG_IF_NAME, i->name);
	opt_string(b, PCAPNG_IF_DESCRIPTION, i->description);
	put_addresses(b, i);
	put_speeds(b, i);
	put_filter(b, i);
	opt_string(b, PCAPNG_IF_OS, i->os);
	if (i->mask & PCAPNG_INTERFACE_FCSLEN)
		opt_u8(b, PCAPNG_IF_FCSLEN, i->fcslen_bits);
	if (i->tsoffset)
		opt_u64(b, PCAPNG_IF_TSOFFSET, i->tsoffset);
	opt_string(b, PCAPNG_IF_HARDWARE, i->hardware);
	opt_string(b, PCAPNG_IF_IANA_TZNAME, i->tzname);
	opt_common(b, &i->options);
	opt_end(b);
	block_end(b);
}

/* [pcapng §section_isb] */
void encode_stats(struct block *b, const void *arg)
{
	const struct pcapng_stats *s = arg;

	block_begin(b, PCAPNG_BLOCK_ISB);
	encode_check_mask(b, s->mask, stats_mask);
	block_put_u32(b, s->interface);
	block_put_time(b, s->ts);
	if (s->mask & PCAPNG_STATS_STARTTIME)
		opt_time(b, PCAPNG_ISB_STARTTIME, s->starttime);
	if (s->mask & PCAPNG_STATS_ENDTIME)
		opt_time(b, PCAPNG_ISB_ENDTIME, s->endtime);
	if (s->mask & PCAPNG_STATS_IFRECV)
		opt_u64(b, PCAPNG_ISB_IFRECV, s->ifrecv);
	if (s->mask & PCAPNG_STATS_IFDROP)
		opt_u64(b, PCAPNG_ISB_IFDROP, s->ifdrop);
	if (s->mask & PCAPNG_STATS_FILTERACCEPT)
		opt_u64(b, PCAPNG_ISB_FILTERACCEPT, s->filteraccept);
	if (s->mask & PCAPNG_STATS_OSDROP)
		opt_u64(b, PCAPNG_ISB_OSDROP, s->osdrop);
	if (s->mask & PCAPNG_STATS_USRDELIV)
		opt_u64(b, PCAPNG_ISB_USRDELIV, s->usrdeliv);
	opt_common(b, &s->options);
	opt_end(b);
	block_end(b);
}

/* The length of an address in a record; 0: unknown type. */
static size_t address_len(uint16_t type)
{
	switch (type) {
	case PCAPNG_NRB_IPV4: return 4;
	case PCAPNG_NRB_IPV6: return 16;
	case PCAPNG_NRB_EUI48: return 6;
	case PCAPNG_NRB_EUI64: return 8;
	default: return 0;
	}
}

/* Puts the names of a record, each with its NUL, if `put`. Returns their length. */
static size_t put_record_names(struct block *b, const struct pcapng_name *n, bool put)
{
	size_t len = 0;

	for (size_t i = 0; i < n->n_names; i++) {
		const char *name = n->names ? n->names[i] : NULL;

		if (!name || !*name || !utf8_is_valid(name, strlen(name))) {
			block_refuse(b, "record", "a name is missing, empty or not valid UTF-8");
			return 0;
		}
		if (put)
			block_put(b, name, strlen(name) + 1);
		len += strlen(name) + 1;
	}
	return len;
}

static void put_record(struct block *b, const struct pcapng_name *n)
{
	size_t address = address_len(n->type);
	size_t len = address + put_record_names(b, n, false);

	if (!address || !n->address)
		block_refuse(b, "record", "unknown address type, or no address");
	else if (len == address)
		block_refuse(b, "record", "no name");
	else if (len > UINT16_MAX)
		block_refuse(b, "record", "longer than 65535 bytes");
	if (b->why)
		return;
	block_put_u16(b, n->type);
	block_put_u16(b, len);
	block_put(b, n->address, address);
	put_record_names(b, n, true);
	block_pad(b);
}

/* [pcapng §section_nrb] */
void encode_names(struct block *b, const void *arg)
{
	const struct pcapng_names *n = arg;

	block_begin(b, PCAPNG_BLOCK_NRB);
	encode_check_mask(b, n->mask, 0);
	if (n->n_records && !n->records)
		block_refuse(b, "records", "a count without a list");
	for (size_t i = 0; i < n->n_records && !b->why; i++)
		put_record(b, &n->records[i]);
	block_put_u16(b, PCAPNG_NRB_END);
	block_put_u16(b, 0);
	opt_string(b, PCAPNG_NS_DNSNAME, n->dnsname);
	opt_bytes(b, PCAPNG_NS_DNSIP4ADDR, n->dns_ip4, 4);
	opt_bytes(b, PCAPNG_NS_DNSIP6ADDR, n->dns_ip6, 16);
	opt_common(b, &n->options);
	opt_end(b);
	block_end(b);
}

/* [pcapng §section_dsb] */
void encode_secrets(struct block *b, const void *arg)
{
	const struct pcapng_secrets *s = arg;

	block_begin(b, PCAPNG_BLOCK_DSB);
	encode_check_mask(b, s->mask, 0);
	if (s->len && !s->data) {
		block_refuse(b, "secrets", "a length without data");
		return;
	}
	block_put_u32(b, s->type);
	block_put_u32(b, s->len);
	block_put(b, s->data, s->len);
	block_pad(b);
	opt_common(b, &s->options);
	opt_end(b);
	block_end(b);
}

/* [pcapng §section_custom_block] */
void encode_custom(struct block *b, const void *arg)
{
	const struct pcapng_custom *c = arg;

	block_begin(b, c->no_copy ? PCAPNG_BLOCK_CUSTOM_NO_COPY : PCAPNG_BLOCK_CUSTOM);
	encode_check_mask(b, c->mask, 0);
	if (c->len && !c->data) {
		block_refuse(b, "data", "a length without data");
		return;
	}
	block_put_u32(b, c->pen);
	block_put(b, c->data, c->len);
	block_pad(b);
	opt_common(b, &c->options);
	opt_end(b);
	block_end(b);
}

void encode_raw(struct block *b, const void *arg)
{
	const struct raw *raw = arg;

	block_begin(b, raw->type);
	block_put(b, raw->body, raw->len);
	block_end(b);
}

/* True if a line of the entry starts with `field`. */
static bool has_field(const char *entry, size_t len, const char *field)
{
	size_t n = strlen(field);

	for (size_t i = 0; i + n <= len; i++)
		if ((!i || entry[i - 1] == '\n') && !memcmp(entry + i, field, n))
			return true;
	return false;
}

/* [pcapng-extras §section_sdj_export] */
void encode_journal(struct block *b, const void *arg)
{
	const struct raw *raw = arg;

	encode_raw(b, arg);
	if (!has_field(raw->body, raw->len, "__REALTIME_TIMESTAMP="))
		block_refuse(b, "entry", "no __REALTIME_TIMESTAMP= field");
}
