/* SPDX-License-Identifier: MIT */
/*
 * state.c - the state of a capture: errors in words, and how a block gets into it
 *
 * Every add function takes the same steps (state_add_block): encode the block at the end of the
 * staging memory; if there was not enough room, make room and encode again; commit. Nothing of a
 * block is kept before the commit, so a refused block leaves no trace.
 */
#include <errno.h>
#include <string.h>

#include "pcapng/state.h"

static const char *block_name(uint32_t type)
{
	switch (type) {
	case PCAPNG_BLOCK_SHB: return "SHB";
	case PCAPNG_BLOCK_IDB: return "IDB";
	case PCAPNG_BLOCK_SPB: return "SPB";
	case PCAPNG_BLOCK_NRB: return "NRB";
	case PCAPNG_BLOCK_ISB: return "ISB";
	case PCAPNG_BLOCK_EPB: return "EPB";
	case PCAPNG_BLOCK_JOURNAL: return "journal block";
	case PCAPNG_BLOCK_DSB: return "DSB";
	case PCAPNG_BLOCK_CUSTOM:
	case PCAPNG_BLOCK_CUSTOM_NO_COPY: return "custom block";
	default: return "block";
	}
}

static void add_text(struct pcapng_error *e, const char *text)
{
	size_t used = strlen(e->text), n = strlen(text), room = sizeof(e->text) - 1 - used;

	memcpy(e->text + used, text, n < room ? n : room);
}

int state_fail(struct pcapng_writer *w, int code, const struct block *b, const char *why)
{
	struct pcapng_error *e = &w->error;

	memset(e, 0, sizeof(*e));
	e->code = code;
	e->offset = w->bytes;
	if (b) {
		e->block_type = b->type;
		add_text(e, block_name(b->type));
		add_text(e, ": ");
		if (b->field) {
			add_text(e, b->field);
			add_text(e, ": ");
		}
	}
	add_text(e, why);
	return code;
}

static int fail_refused(struct pcapng_writer *w, const struct block *b)
{
	return state_fail(w, -EINVAL, b, b->why);
}

int state_fail_check(struct pcapng_writer *w, uint32_t type, const char *field, const char *why)
{
	struct block b = { .type = type, .field = field };

	return state_fail(w, -EINVAL, &b, why);
}

/* An error from staging: only out of memory and a paused output are temporary. */
int state_fail_output(struct pcapng_writer *w, int r)
{
	if (r == 0 || r == -EAGAIN)
		return r;
	if (r == -ENOMEM)
		return state_fail(w, r, NULL, "out of memory");
	w->broken = r;
	return state_fail(w, r, NULL,
			  r == -EPROTO ? "the output accepted more bytes than it was offered"
				       : "the output failed");
}

size_t state_limit(const struct pcapng_writer *w, uint32_t type)
{
	bool is_section = type == PCAPNG_BLOCK_SHB;

	switch (w->profile) {
	case PCAPNG_PROFILE_LIBPCAP: return is_section ? 1024 * 1024 : 16 * 1024 * 1024;
	case PCAPNG_PROFILE_LIVE_PIPE: return is_section ? 2048 : 262144;
	default: return BLOCK_MAX;
	}
}

int state_check_block(struct pcapng_writer *w, struct block *b)
{
	if (!b->why && b->len > state_limit(w, b->type)) {
		b->field = NULL;
		block_refuse(b, NULL, "longer than the profile allows");
	}
	return b->why ? fail_refused(w, b) : 0;
}

struct block state_next_block(const struct pcapng_writer *w, bool is_packet)
{
	return (struct block){
		.buf = staging_at(&w->staging),
		.size = staging_room(&w->staging, is_packet),
		.swap = w->swap,
	};
}

int state_prepare_block(struct pcapng_writer *w, encode_fn encode, const void *arg, struct block *b)
{
	int r;

	if (w->broken)
		return w->broken;
	for (;;) {
		*b = state_next_block(w, false);
		encode(b, arg);
		r = state_check_block(w, b);
		if (r < 0)
			return r;
		if (block_is_complete(b))
			return 0;
		r = staging_make_room(&w->staging, b->len, false);
		if (r < 0)
			return state_fail_output(w, r);
	}
}

int state_add_block(struct pcapng_writer *w, encode_fn encode, const void *arg, struct memory *keep)
{
	struct block b;
	int r = state_prepare_block(w, encode, arg, &b);

	if (r < 0)
		return r;
	if (keep) {
		r = memory_append(keep, b.buf, b.len);
		if (r < 0)
			return state_fail_output(w, r);
	}
	state_commit(w, b.len);
	return 0;
}
