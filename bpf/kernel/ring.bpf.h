/* SPDX-License-Identifier: MIT */
/*
 * The kernel side of the tap, shared by all capture points: the maps, and emit(), which moves one frame
 * from a hook to the ring of its CPU. A capture point is a context, a length and a function that copies
 * bytes out of that context; everything else happens here.
 *
 * emit() counts every frame as seen; a frame that the capture filter accepts ends in the ring or in one
 * wire_lost counter.
 *
 * Each point is an object of its own. All of them declare the maps, but there is one set: bpf/tap.c
 * creates it and shares it with every object it loads.
 */
#ifndef XDPTAP_BPF_KERNEL_RING_BPF_H
#define XDPTAP_BPF_KERNEL_RING_BPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/kernel/filter.bpf.h"
#include "bpf/wire.h"

const volatile struct wire_config config;

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_cpu);
} cpus SEC(".maps");

/*
 * Copies len bytes of the frame, from offset on, into a record with room for size. 0, or negative if
 * the kernel cannot.
 */
typedef long (*copy_fn)(void *ctx, __u32 offset, __u8 *to, __u32 len, const __u32 size);

/* What a hook knows about a frame, besides its bytes. */
struct frame {
	__u32 slot;
	__u32 queue;
	__u32 hash;
	__u32 flags;	  /* WIRE_HASH… */
	__u16 proto;	  /* of the VLAN tag that the NIC stripped, network order; 0: none */
	__u16 tci;	  /* host order */
	__u32 start;	  /* bytes before it, at a device without a link-layer header */
	__u32 head_len;	  /* bytes of it that precede the context's; 0: none */
	const void *head; /* WIRE_HEAD_SIZE bytes: these, and the next ones of the frame */
	__u32 len;	  /* with the tag; emit(), or the caller of take(), fills in the rest */
	__u32 caplen;
	__u64 ts_ns;
#ifdef WITH_PROCESS
	_Bool is_network; /* the context's bytes from start on begin with the network header */
	struct wire_owner owner;
#endif
};

/*
 * Fills in what costs something to find out about a frame, once the filter has accepted it: its length
 * at the hook, and more flags.
 */
typedef void (*look_fn)(void *ctx, struct frame *f);

/* What precedes the bytes: a wire_trace, a wire_stamp or nothing; its length is constant. */
struct before {
	const void *data;
	__u32 len;
};

#define NOTHING (&(const struct before){ NULL, 0 })

#define ADDRESSES 12 /* bytes before a VLAN tag */
#define TAG	  4

/*
 * Whether a length is 1…max, in a way that convinces the verifier. It tracks registers, not values: the
 * register that is used must be the one that was compared, and Clang would compare another.
 */
static __always_inline _Bool is_within(__u32 *len, const __u32 max)
{
	__u32 less = *len - 1;

	asm volatile("" : "+r"(less));
	if (less >= max)
		return 0;
	*len = less + 1;
	return 1;
}

#ifdef WITH_PROCESS
#include "bpf/kernel/process-find.bpf.h"
#define OWNER_SIZE sizeof(struct wire_owner)
#else
#define OWNER_SIZE 0
#endif

/* In 8-byte words, which the compiler does not choose for bytes of unknown alignment. */
static __always_inline void copy_words(void *to, const void *from, const __u32 len)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len / 8; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
}

/*
 * A program that the kernel must load for each of hundreds of interfaces is a small one, without what makes a
 * frame cheap and the program long: the verifier takes a twentieth of the time.
 */
#ifdef SMALL
#define IS_SMALL 1
#else
#define IS_SMALL 0
#endif

/* Length of the second of two overlapping copies: half of a record, but no more than LAST. */
#define LAST	   512
#define LINEAR_MAX 2048

/*
 * Copies a frame of at most LINEAR_MAX bytes in two overlapping copies of constant length, which the
 * compiler turns into plain loads and stores: half the cost of the kernel's helper. False if the bytes
 * are not all in the linear part of the frame, or the frame is shorter than the first copy.
 */
static __always_inline _Bool copy_linear(__u8 *to, __u32 len, const __u32 size, const void *data,
					 const void *end)
{
	const __u32 last = size / 2 < LAST ? size / 2 : LAST, first = size - last;
	__u32 more = len - first, between = first - last, rest; /* more: beyond the first copy */

	if (IS_SMALL || size < 64 || size > LINEAR_MAX || data + first > end)
		return 0;
	asm volatile("" : "+r"(more)); /* as in is_within() */
	if (more > last)
		return 0;
	/* Clang 19 makes an OR of a sum whose bits do not overlap, for which the verifier assumes more. */
	asm volatile("" : "+r"(between));
	rest = more + between;
	if (data + rest + last > end)
		return 0;
	copy_words(to, data, first);
	copy_words(to + rest, data + rest, last);
	return 1;
}

/* The frame as it was on the wire: with the tag that the NIC stripped. */
static __always_inline long copy_tagged(void *ctx, copy_fn copy, const struct frame *f, __u8 *to,
					__u32 len, const __u32 size)
{
	__u32 rest = len - ADDRESSES - TAG;

	if (copy(ctx, 0, to, ADDRESSES, ADDRESSES) < 0)
		return -1;
	*(__u16 *)(to + ADDRESSES) = f->proto;
	*(__u16 *)(to + ADDRESSES + 2) = bpf_htons(f->tci);
	if (len <= ADDRESSES + TAG)
		return 0; /* the snaplen ends here; the smallest record has room for more */
	if (!is_within(&rest, size - ADDRESSES - TAG))
		return -1;
	return copy(ctx, ADDRESSES, to + ADDRESSES + TAG, rest, size);
}

/*
 * The head, and then the context's bytes. The record has room for the longest head, because the verifier
 * does not know how long this one is.
 */
static __always_inline long copy_headed(void *ctx, copy_fn copy, const struct frame *f, __u8 *to,
					__u32 len, const __u32 size)
{
	__u32 n = f->head_len, rest = len - n;

	copy_words(to, f->head, WIRE_HEAD_SIZE);
	if (len <= n)
		return 0; /* the snaplen ends here */
	if (n > WIRE_HEAD_MAX || !is_within(&rest, size - WIRE_HEAD_MAX))
		return -1;
	return copy(ctx, f->start, to + n, rest, 0);
}

static __always_inline long copy_frame(void *ctx, copy_fn copy, const struct frame *f, __u8 *to,
				       __u32 len, const __u32 size)
{
	if (f->head_len)
		return copy_headed(ctx, copy, f, to, len, size);
	if (f->proto)
		return copy_tagged(ctx, copy, f, to, len, size);
	return copy(ctx, f->start, to, len, size);
}

/*
 * Counters belong to one CPU. Where a program cannot interrupt another on its CPU, a plain addition is
 * exact. With PREEMPT_RT it can, and an atomic one is required. The verifier knows which of the two it
 * is, and removes the other.
 */
static __always_inline void add(__u64 *to, __u64 n)
{
	if (config.is_preemptible)
		__sync_fetch_and_add(to, n);
	else
		*to += n;
}

static __always_inline void lose(struct wire_count *count, enum wire_lost cause)
{
	add(&count->lost[cause], 1);
	if (config.is_preemptible)
		__sync_fetch_and_add(&count->gap, 1);
	else
		count->gap++;
}

/*
 * The losses to report in this record. If two programs read the same gap, both report it, and it becomes
 * negative: later losses fill it up before any is reported again, so that the sum stays right. An atomic
 * exchange would be simpler, but Linux 5.10 refuses to load one, even where it is never executed.
 */
static __always_inline __u32 take_gap(struct wire_count *count)
{
	__u32 gap = count->gap;

	if (!config.is_preemptible) {
		count->gap = 0;
		return gap;
	}
	if ((__s32)gap <= 0)
		return 0;
	__sync_fetch_and_add(&count->gap, -gap);
	return gap;
}

/*
 * Whether to wake the reader for this record: if it sleeps, or if a share of the ring has filled since
 * it was last woken. In between it looks by itself every few ms, so that under load there is no wake-up
 * per frame (an irq_work: microseconds in a virtual machine).
 */
static __always_inline __u64 wake_flags(struct wire_cpu *cpu, __u32 size)
{
	cpu->unwoken += size;
	if (!cpu->armed && cpu->unwoken < config.wake_bytes)
		return BPF_RB_NO_WAKEUP;
	cpu->armed = 0;
	cpu->unwoken = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * Puts one frame into the ring as a record with room for "size" bytes of data. The size is a constant in
 * every call, because bpf_ringbuf_reserve() accepts nothing else.
 */
static __always_inline void put(void *ctx, copy_fn copy, void *ring, struct wire_cpu *cpu,
				struct wire_count *count, const struct frame *f,
				const struct before *before, const __u32 size)
{
	const __u32 head = before->len + OWNER_SIZE;
	__u32 caplen = f->caplen;
	struct wire_frame *w = bpf_ringbuf_reserve(ring, sizeof(*w) + head + size, 0);

	if (!w) {
		lose(count, WIRE_LOST_FULL);
		return;
	}
	if (!is_within(&caplen, size) ||
	    copy_frame(ctx, copy, f, w->data + head, caplen, size) < 0) {
		bpf_ringbuf_discard(w, BPF_RB_NO_WAKEUP);
		lose(count, WIRE_LOST_COPY);
		return;
	}
	w->ts_ns = f->ts_ns;
	w->len = f->len;
	w->caplen = caplen;
	w->lost = take_gap(count);
	w->slot = f->slot;
	w->queue = f->queue < 0xffff ? f->queue : 0xffff;
	w->hash = f->hash;
	w->flags = f->flags;
	w->generation = config.generation;
	copy_words(w->data, before->data, before->len);
#ifdef WITH_PROCESS
	copy_words(w->data + before->len, &f->owner, OWNER_SIZE);
#endif
	bpf_ringbuf_submit(w, wake_flags(cpu, sizeof(*w) + head + size));
}

/* The size classes: they waste little of a small ring, and the few comparisons are cheap. */
#define PUT_IF_FITS(size)                                                                          \
	if (room <= (size)) {                                                                      \
		put(ctx, copy, ring, cpu, count, f, before, (size));                               \
		return;                                                                            \
	}

/* Puts an accepted frame, with its time, length and caplen, into the ring. */
static __always_inline void take(void *ctx, copy_fn copy, struct wire_count *count,
				 const struct frame *f, const struct before *before)
{
	__u32 id = bpf_get_smp_processor_id();
	struct wire_cpu *cpu = bpf_map_lookup_elem(&cpus, &id);
	void *ring = bpf_map_lookup_elem(&rings, &id);
	const __u32 room = f->caplen + (f->head_len ? WIRE_HEAD_MAX : 0);

	add(&count->accepted, 1);
	if (!cpu || !ring) {
		lose(count, WIRE_LOST_FULL); /* a CPU that came online later */
		return;
	}
#ifdef SMALL
	PUT_IF_FITS(128);
	PUT_IF_FITS(512);
	PUT_IF_FITS(1536);
	PUT_IF_FITS(4096);
	PUT_IF_FITS(16384);
#else
	PUT_IF_FITS(64);
	PUT_IF_FITS(128);
	PUT_IF_FITS(256);
	PUT_IF_FITS(512);
	PUT_IF_FITS(1024);
	PUT_IF_FITS(1536);
	PUT_IF_FITS(2048);
	PUT_IF_FITS(4096);
	PUT_IF_FITS(9216);
	PUT_IF_FITS(16384);
	PUT_IF_FITS(32768);
#endif
	PUT_IF_FITS(66560);
	PUT_IF_FITS(WIRE_FRAME_MAX);
	lose(count, WIRE_LOST_LONG);
}

/*
 * Counts a frame, and prepares it for take() if the filter accepts it, else returns NULL. Work that a
 * rejected frame does not need comes after the filter.
 */
static __always_inline struct wire_count *judge(void *ctx, look_fn look, copy_fn copy,
						struct frame *f)
{
	struct wire_count *count;

	if (!config.is_shared)
		f->slot = config.slot;
	count = bpf_map_lookup_elem(&counts, &f->slot);
	if (!count)
		return NULL; /* only a shared program, where it is not attached yet or no longer */
	add(&count->seen, 1);
	if (!filter_accepts_headed(ctx,
				   f->proto ? (__u64)bpf_ntohs(f->proto) << 16 | f->tci : f->start,
				   f->head, f->head_len))
		return NULL;
	f->ts_ns = bpf_ktime_get_ns();
#ifdef WITH_PROCESS
	find_owner(ctx, copy, f);
	if (config.is_chosen && !f->owner.is_chosen)
		return NULL;
#else
	(void)copy;
#endif
	look(ctx, f);
	f->len += f->proto ? TAG : 0;
	f->caplen = f->len < config.snaplen ? f->len : config.snaplen;
	return count;
}

/* Counts a frame, and puts it into the ring if the filter accepts it. */
static __always_inline void emit(void *ctx, look_fn look, copy_fn copy, struct frame *f,
				 const struct before *before)
{
	struct wire_count *count = judge(ctx, look, copy, f);

	if (count)
		take(ctx, copy, count, f, before);
}

#endif
