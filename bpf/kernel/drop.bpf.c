/* SPDX-License-Identifier: MIT */
/*
 * Capture point "drop": buffers that the kernel frees for a reason, where skb:kfree_skb says so. Nothing
 * runs for a packet that is not dropped.
 *
 * A buffer ends anywhere: with or without a device, its headers already consumed or not yet made. So each
 * is first given its place: the interface and whether its link-layer header is there. What fits no place
 * is not counted: it belongs to another namespace or interface, or is no packet.
 *
 * The tracepoint fires in every context. The kernel does not run a program again on a CPU where it is
 * running; it counts that as a miss. But two programs of ours may interrupt each other, so they count
 * with atomic operations: see point-drop.c.
 */
#include "bpf/drops/identity.bpf.h"
#include "bpf/kernel/ring.bpf.h"
#include "bpf/kernel/sk-buff.bpf.h"

const volatile struct wire_drop_config drop;

/* Userspace sets the number of entries of all three. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct wire_drop_place);
	__type(value, struct wire_drop_slot);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} reasons SEC(".maps");

static __always_inline _Bool is_recorded(__u32 reason)
{
	return !!bpf_map_lookup_elem(&reasons, &reason) == !!drop.is_listed;
}

/*
 * The interface, if the buffer is of this namespace. While a socket has the buffer, other data may be in
 * the place of its device; the socket that receives it is certain.
 */
static __always_inline _Bool find_interface(const struct sk_buff *skb, const struct sock *receiver,
					    struct buffer *b)
{
	const struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 of_device = netns_of_device(dev), netns = netns_of_socket(receiver);

	if (!netns)
		netns = of_device;
	if (!netns)
		netns = netns_of_socket(BPF_CORE_READ(skb, sk));
	if (!netns)
		netns = netns_of_route(skb);
	if (netns != drop.netns)
		return 0;
	b->ifindex = of_device == netns ? BPF_CORE_READ(dev, ifindex) : b->iif;
	return 1;
}

/*
 * What the stack has received, it marks with the interface. With a route to another one it is on its way
 * out; a bridge has none, and leaves the link-layer header as it is.
 */
static __always_inline void find_direction(const struct sk_buff *skb, struct buffer *b)
{
	if (b->iif == b->ifindex && b->iif)
		b->direction = WIRE_INBOUND;
	else if (b->iif || BPF_CORE_READ(skb, sk))
		b->direction = WIRE_OUTBOUND;
	b->is_routed = b->direction == WIRE_OUTBOUND && b->iif && BPF_CORE_READ(skb, _skb_refdst);
}

/* Sets where the frame begins. NULL: it is none of ours. */
static __always_inline const struct wire_drop_slot *find_slot(struct buffer *b)
{
	struct wire_drop_place place = { .ifindex = b->ifindex };
	const struct wire_drop_slot *slot = NULL;

	if (find_link_header(b))
		slot = bpf_map_lookup_elem(&places, &place);
	if (slot)
		return slot;
	if (!find_network_header(b))
		return NULL;
	place.is_network = 1;
	slot = bpf_map_lookup_elem(&places, &place);
	if (slot)
		return slot;
	place.ifindex = 0;
	return bpf_map_lookup_elem(&places, &place);
}

#define DEPTH 16 /* our own program and the tracepoint come first */

/* Netfilter has few functions that drop: those that called them tell which hook it was. */
static __always_inline void find_callers(void *ctx, struct wire_drop *about)
{
	__u64 stack[DEPTH];

	if (bpf_get_stack(ctx, stack, sizeof(stack), 0) < 0)
		return;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < DEPTH - WIRE_CALLERS; i++)
		if (stack[i] == about->location) {
			copy_words(about->callers, &stack[i + 1], sizeof(about->callers));
			return;
		}
}

static __always_inline void record(void *ctx, const struct buffer *b, struct view *v, __u32 slot,
				   struct wire_drop *about)
{
	struct wire_count *count = bpf_map_lookup_elem(&counts, &slot);
	struct frame f = {
		.slot = slot,
		.flags = WIRE_DROPPED | (b->is_segments ? WIRE_SEGMENTS : 0) |
			 (b->is_partial ? WIRE_PARTIAL : 0),
		.len = v->len,
		.caplen = v->len < config.snaplen ? v->len : config.snaplen,
	};

	if (!count)
		return; /* never: tap.c assigns slots below the size of the map */
	add(&count->seen, 1);
	/* A frame that cannot be read is not judged: it is lost, whatever the filter says. */
	if (!filter_accepts((void *)v->at, v->len) && v->at)
		return;
	f.ts_ns = bpf_ktime_get_ns();
	if (about->reason == drop.of_hooks)
		find_callers(ctx, about);
	take(v, copy_view, count, &f, &(struct before){ about, sizeof(*about) });
}

SEC("raw_tp/kfree_skb")
int tap_drop(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (void *)ctx->args[0];
	struct wire_drop about = { .location = ctx->args[1], .reason = ctx->args[2] };
	const struct wire_drop_slot *slot;
	struct buffer b = { 0 };
	struct view v;

	if (!is_recorded(about.reason) || !read_buffer(skb, &b) ||
	    !find_interface(skb, drop.has_socket ? (void *)ctx->args[3] : NULL, &b))
		return 0;
	find_direction(skb, &b);
	slot = find_slot(&b);
	if (!slot || slot->version != drop.version)
		return 0;
	about.direction = b.direction;
	if (config.has_ids && b.iif)
		about.id = identify((__u64)BPF_CORE_READ(skb, tstamp), b.head, config.secret);
	v = see_buffer(skb, &b);
	record(ctx, &b, &v, slot->slot, &about);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
