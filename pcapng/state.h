/* SPDX-License-Identifier: MIT */
/*
 * state.h - the state of a capture, which writer.c and packet.c share
 *
 * struct pcapng_writer keeps what the draft requires a writer to know: the byte order of the
 * section, its interfaces, and the encoded blocks at the start of every file, for restart.
 */
#ifndef PCAPNG_STATE_H
#define PCAPNG_STATE_H

#include "pcapng/blocks/block.h"
#include "pcapng/memory.h"
#include "pcapng/staging.h"
#include "pcapng/writer.h"

/* What the writer remembers of an interface. */
struct interface {
	uint32_t snaplen; /* 0: no limit */
	uint16_t linktype;
};

struct pcapng_writer {
	enum pcapng_profile profile;
	bool swap;
	int broken; /* the sticky error, 0: none */
	size_t copy_below;
	size_t plain_below;	  /* smaller packets may take the fast path, see packet.c */
	uint64_t bytes;		  /* since new or restart */
	struct memory interfaces; /* struct interface */
	struct memory preamble;	  /* SHB and IDBs, encoded */
	struct memory kept;	  /* blocks marked `keep` */
	struct pcapng_error error;
	struct staging staging;
};

typedef void (*encode_fn)(struct block *b, const void *arg);

static inline size_t state_count_interfaces(const struct pcapng_writer *w)
{
	return w->interfaces.len / sizeof(struct interface);
}

static inline const struct interface *state_find_interface(const struct pcapng_writer *w,
							   uint32_t id)
{
	const struct interface *interfaces = (const struct interface *)w->interfaces.data;

	return id < state_count_interfaces(w) ? &interfaces[id] : NULL;
}

/* Records a failure in words; `b` (or NULL) says which block and field. Returns `code`. */
int state_fail(struct pcapng_writer *w, int code, const struct block *b, const char *why);

/* Returns -EINVAL, for a check before there is a block. `field` (or NULL), `why`: static. */
int state_fail_check(struct pcapng_writer *w, uint32_t type, const char *field, const char *why);

/* Handles `r` from staging or memory: -EAGAIN and -ENOMEM pass, other errors stick. Returns `r`. */
int state_fail_output(struct pcapng_writer *w, int r);

/* The maximum length of a block of this type that the profile's readers accept, bytes. */
size_t state_limit(const struct pcapng_writer *w, uint32_t type);

/* A block after the pending bytes, with the room there is now. */
struct block state_next_block(const struct pcapng_writer *w, bool is_packet);

/* 0, or -EINVAL because `b` was refused or is longer than state_limit(). */
int state_check_block(struct pcapng_writer *w, struct block *b);

/* Encodes one block after the pending bytes without committing it. On success *b is complete. */
int state_prepare_block(struct pcapng_writer *w, encode_fn encode, const void *arg,
			struct block *b);

/* Adds one block; `keep` (or NULL) gets a copy. */
int state_add_block(struct pcapng_writer *w, encode_fn encode, const void *arg,
		    struct memory *keep);

/*
 * Adds as many of the first `n` packets as cannot fail: they have nothing special, and room in the buffer
 * as it is and in `room` bytes. Returns how many.
 */
size_t state_add_plain(struct pcapng_writer *w, const struct pcapng_packet *packets, size_t n,
		       uint64_t room);

static inline void state_commit(struct pcapng_writer *w, size_t len)
{
	staging_commit(&w->staging, len);
	w->bytes += len;
}

#endif /* PCAPNG_STATE_H */
