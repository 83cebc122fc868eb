/* SPDX-License-Identifier: MIT */
/*
 * writer.c - the public functions, except those for packets
 *
 * The writer remembers sections and interfaces (state.h). Everything else passes through: encode.c
 * encodes the block, staging.c passes it to the output. Packets, the hot path, are in packet.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/config.h"
#include "pcapng/blocks/encode.h"
#include "pcapng/state.h"

/* One write for about ten thousand small packets: cheap compared to them. */
#define DEFAULT_BUFFER_SIZE (1024 * 1024)
/* Measured: below this, a copy is cheaper than two entries of writev. */
#define DEFAULT_COPY_BELOW 2048
/* Below the limits of every profile. */
#define PLAIN_BELOW	65536
#define MIN_BUFFER_SIZE 1024

static bool order_is_swapped(enum pcapng_order order)
{
	const uint16_t one = 1;
	bool is_little = *(const uint8_t *)&one;

	return order == (is_little ? PCAPNG_ORDER_BIG : PCAPNG_ORDER_LITTLE);
}

static int check_section(struct pcapng_writer *w, const struct pcapng_section *s, bool is_first)
{
	bool swap = s && order_is_swapped(s->order);

	if (s && s->order > PCAPNG_ORDER_BIG)
		return state_fail_check(w, PCAPNG_BLOCK_SHB, "order", "unknown byte order");
	if (w->profile == PCAPNG_PROFILE_LIVE_PIPE && swap)
		return state_fail_check(w, PCAPNG_BLOCK_SHB, "order",
					"dumpcap reads only the host byte order");
	if (w->profile == PCAPNG_PROFILE_LIBPCAP && !is_first && swap != w->swap)
		return state_fail_check(w, PCAPNG_BLOCK_SHB, "order",
					"libpcap requires the same one in all sections");
	return 0;
}

static int begin_section(struct pcapng_writer *w, const struct pcapng_section *section)
{
	bool was_swapped = w->swap;
	struct block b;
	int r;

	w->swap = section && order_is_swapped(section->order);
	r = state_prepare_block(w, encode_section, section, &b);
	if (r == 0) {
		r = memory_reserve(&w->preamble, b.len);
		if (r < 0)
			state_fail_output(w, r);
	}
	if (r < 0) {
		w->swap = was_swapped;
		return r;
	}
	memory_reset(&w->interfaces);
	memory_reset(&w->kept);
	memory_reset(&w->preamble);
	(void)memory_append(&w->preamble, b.buf, b.len); /* cannot fail: reserved above */
	state_commit(w, b.len);
	return 0;
}

int pcapng_writer_add_section(struct pcapng_writer *w, const struct pcapng_section *section)
{
	int r = w->broken ? w->broken : check_section(w, section, false);

	return r < 0 ? r : begin_section(w, section);
}

static int writer_init(struct pcapng_writer *w, const struct pcapng_section *section,
		       const struct pcapng_writer_config *config, pcapng_output_fn output,
		       void *user)
{
	size_t size = config->buffer_size ? config->buffer_size : DEFAULT_BUFFER_SIZE;
	int r;

	if (!output || config->profile > PCAPNG_PROFILE_LIVE_PIPE)
		return state_fail_check(w, PCAPNG_BLOCK_SHB, "config",
					"no output, or unknown profile");
	w->profile = config->profile;
	w->copy_below = config->copy_below ? config->copy_below : DEFAULT_COPY_BELOW;
	w->plain_below = w->copy_below < PLAIN_BELOW ? w->copy_below : PLAIN_BELOW;
	r = staging_init(&w->staging, size < MIN_BUFFER_SIZE ? MIN_BUFFER_SIZE : size, output,
			 user);
	if (r < 0)
		return state_fail_output(w, r);
	r = check_section(w, section, true);
	return r < 0 ? r : begin_section(w, section);
}

CONFIG_ENDS_WITH(pcapng_writer_config, error);

int pcapng_writer_new(const struct pcapng_section *section,
		      const struct pcapng_writer_config *config, pcapng_output_fn output,
		      void *user, struct pcapng_writer **ret)
{
	struct pcapng_writer_config ours = { 0 };
	struct pcapng_writer *w;
	int r = config ? config_read(&ours, sizeof(ours), config) : 0;

	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	r = writer_init(w, section, &ours, output, user);
	if (r < 0) {
		if (ours.error)
			*ours.error = w->error;
		pcapng_writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void pcapng_writer_free(struct pcapng_writer *w)
{
	if (!w)
		return;
	memory_done(&w->interfaces);
	memory_done(&w->preamble);
	memory_done(&w->kept);
	staging_done(&w->staging);
	free(w);
}

/* libpcap and tcpdump have one link type, snapshot length and clock for a whole file. */
static const char *check_libpcap(const struct pcapng_writer *w, const struct pcapng_interface *i)
{
	static const uint32_t unlimited = 262144;
	const struct interface *first = state_find_interface(w, 0);
	uint8_t exponent = i->tsresol & 0x7F;

	if (exponent > (i->tsresol & 0x80 ? 63 : 19))
		return "if_tsresol is finer than libpcap reads";
	if (!first)
		return NULL;
	if (first->linktype != i->linktype)
		return "libpcap requires one link type for all interfaces";
	if (i->linktype == PCAPNG_LINKTYPE_RAW)
		return "libpcap 1.10 refuses a second interface of LINKTYPE_RAW";
	if ((first->snaplen ? first->snaplen : unlimited) != (i->snaplen ? i->snaplen : unlimited))
		return "libpcap requires one snaplen for all interfaces";
	return NULL;
}

int pcapng_writer_add_interface(struct pcapng_writer *w, const struct pcapng_interface *interface,
				uint32_t *ret_id)
{
	const struct interface remembered = { interface->snaplen, interface->linktype };
	const char *why = NULL;
	int r;

	if (w->broken)
		return w->broken;
	if (w->profile == PCAPNG_PROFILE_LIBPCAP)
		why = check_libpcap(w, interface);
	if (why)
		return state_fail_check(w, PCAPNG_BLOCK_IDB, NULL, why);
	r = memory_reserve(&w->interfaces, w->interfaces.len + sizeof(remembered));
	if (r < 0)
		return state_fail_output(w, r);
	r = state_add_block(w, encode_interface, interface, &w->preamble);
	if (r < 0)
		return r;
	if (ret_id)
		*ret_id = state_count_interfaces(w);
	(void)memory_append(&w->interfaces, &remembered, sizeof(remembered)); /* reserved above */
	return 0;
}

int pcapng_writer_add_stats(struct pcapng_writer *w, const struct pcapng_stats *stats)
{
	if (w->broken)
		return w->broken;
	if (!state_find_interface(w, stats->interface))
		return state_fail_check(w, PCAPNG_BLOCK_ISB, "interface",
					"no interface has this id");
	return state_add_block(w, encode_stats, stats, NULL);
}

int pcapng_writer_add_names(struct pcapng_writer *w, const struct pcapng_names *names)
{
	return state_add_block(w, encode_names, names, names->keep ? &w->kept : NULL);
}

int pcapng_writer_add_secrets(struct pcapng_writer *w, const struct pcapng_secrets *secrets)
{
	return state_add_block(w, encode_secrets, secrets, secrets->keep ? &w->kept : NULL);
}

int pcapng_writer_add_custom(struct pcapng_writer *w, const struct pcapng_custom *custom)
{
	return state_add_block(w, encode_custom, custom, NULL);
}

int pcapng_writer_add_journal(struct pcapng_writer *w, const void *entry, size_t len)
{
	const struct raw raw = { PCAPNG_BLOCK_JOURNAL, entry, len };

	if (w->broken)
		return w->broken;
	if (!entry)
		return state_fail_check(w, PCAPNG_BLOCK_JOURNAL, NULL, "no entry");
	return state_add_block(w, encode_journal, &raw, NULL);
}

/* Types that have a function of their own, and types that must not be written. */
static bool type_is_ours(uint32_t type)
{
	switch (type) {
	case 0: /* reserved */
	case 2: /* [pcapng §appendix_pb] Packet Block: obsolete, must not be written */
	case PCAPNG_BLOCK_SHB:
	case PCAPNG_BLOCK_IDB:
	case PCAPNG_BLOCK_SPB:
	case PCAPNG_BLOCK_NRB:
	case PCAPNG_BLOCK_ISB:
	case PCAPNG_BLOCK_EPB:
	case PCAPNG_BLOCK_JOURNAL:
	case PCAPNG_BLOCK_DSB:
	case PCAPNG_BLOCK_CUSTOM:
	case PCAPNG_BLOCK_CUSTOM_NO_COPY: return true;
	default: return false;
	}
}

int pcapng_writer_add_raw(struct pcapng_writer *w, uint32_t type, const void *body, size_t len)
{
	const struct raw raw = { type, body, len };

	if (w->broken)
		return w->broken;
	if (type_is_ours(type))
		return state_fail_check(w, type, "type", "not a type for add_raw");
	if (len && !body)
		return state_fail_check(w, type, "body", "a length without data");
	return state_add_block(w, encode_raw, &raw, NULL);
}

int pcapng_writer_flush(struct pcapng_writer *w)
{
	return w->broken ? w->broken : state_fail_output(w, staging_offer(&w->staging));
}

size_t pcapng_writer_pending(const struct pcapng_writer *w)
{
	return staging_pending(&w->staging);
}

uint64_t pcapng_writer_bytes(const struct pcapng_writer *w)
{
	return w->bytes;
}

static void stage_memory(struct pcapng_writer *w, const struct memory *m)
{
	memcpy(staging_at(&w->staging), m->data, m->len);
	state_commit(w, m->len);
}

int pcapng_writer_restart(struct pcapng_writer *w)
{
	size_t need = w->preamble.len + w->kept.len;
	int r;

	if (!w->broken && staging_pending(&w->staging))
		return state_fail(w, -EBUSY, NULL, "restart: flush first");
	staging_reset(&w->staging);
	w->broken = 0;
	w->bytes = 0;
	r = staging_make_room(&w->staging, need, false);
	if (r < 0)
		return state_fail_output(w, r);
	stage_memory(w, &w->preamble);
	if (w->kept.len)
		stage_memory(w, &w->kept);
	return 0;
}

void pcapng_writer_forget(struct pcapng_writer *w)
{
	memory_reset(&w->kept);
}

const struct pcapng_error *pcapng_writer_error(const struct pcapng_writer *w)
{
	return &w->error;
}

#define TEXT_OF(n) #n
#define TEXT(n)	   TEXT_OF(n)

const char *pcapng_writer_version(void)
{
	return TEXT(PCAPNG_WRITER_VERSION_MAJOR) "." TEXT(PCAPNG_WRITER_VERSION_MINOR) "." TEXT(
		PCAPNG_WRITER_VERSION_MICRO);
}
