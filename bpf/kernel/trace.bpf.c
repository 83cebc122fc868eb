/* SPDX-License-Identifier: MIT */
/*
 * Capture point "trace": what an XDP program that is already attached gets, leaves and decides. One
 * program runs before it and one after it, on the same CPU; neither changes the frame.
 *
 * The entry judges the frame and holds it; the exit knows the verdict and puts both records into the
 * ring. So a pair has one id and is complete or counted as lost, whatever happens.
 */
#include "bpf/kernel/ring.bpf.h"
#include "bpf/kernel/xdp-buff.bpf.h"

const volatile struct wire_trace_config trace;

/*
 * The version that takes up new runs; 0: none. All versions share this word, so that one store passes the
 * task on.
 */
__u32 now;

/*
 * One run of the traced program, from its entry to its exit: a CPU has one at a time. Each version has
 * its own, so that an old entry never meets a new exit.
 */
struct run {
	const struct xdp_buff *of; /* NULL: none that we follow; point-trace.c reads it, too */
	__u64 id;
	__u64 ts_ns;
	struct view held; /* the frame as it came */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct run);
} runs SEC(".maps");

enum { HELD, LEAVING, COPIES };

/* COPIES for each CPU; userspace sets the number. Too large for a per-CPU array. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COPIES);
	__type(key, __u32);
	__type(value, struct linear_copy);
} copies SEC(".maps");

static __always_inline struct run *find_run(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&runs, &zero);
}

/* Storing its address and reading it back turns the verifier's pointer into a number. */
static __always_inline struct linear_copy *find_copy(__u32 which)
{
	__u32 key = bpf_get_smp_processor_id() * COPIES + which;
	struct linear_copy *p = bpf_map_lookup_elem(&copies, &key);

	if (p)
		*(volatile __u64 *)&p->at = (__u64)p->bytes;
	return p;
}

/* Whether the device is a port of the bond, whose program the driver runs for each of them. */
static __always_inline _Bool is_port(const struct net_device *dev)
{
	__u64 head = (__u64)dev + bpf_core_field_offset(struct net_device, adj_list.upper);
	__u64 first = (__u64)BPF_CORE_READ(dev, adj_list.upper.next);
	const struct netdev_adjacent *upper =
		(void *)(first - bpf_core_field_offset(struct netdev_adjacent, list));

	return first != head && (__u32)BPF_CORE_READ(upper, dev, ifindex) == trace.ifindex;
}

/* The traced program may run for several interfaces, in several namespaces. */
static __always_inline _Bool is_ours(const struct xdp_buff *xdp)
{
	const struct net_device *dev = xdp->rxq->dev;

	if (dev->nd_net.net->ns.inum != trace.netns)
		return 0;
	return (__u32)dev->ifindex == trace.ifindex || (trace.is_bond && is_port(dev));
}

static __always_inline _Bool is_recorded(enum wire_at at)
{
	return trace.at == WIRE_AT_BOTH || trace.at == at;
}

static __always_inline __u32 slot_of(enum wire_at at)
{
	return config.slot + (trace.at == WIRE_AT_BOTH && at == WIRE_AT_EXIT);
}

/* The counters of the entry or of the exit; NULL if that side is not recorded. */
static __always_inline struct wire_count *find_count(enum wire_at at)
{
	__u32 slot = slot_of(at);

	return is_recorded(at) ? bpf_map_lookup_elem(&counts, &slot) : NULL;
}

static __always_inline void count_seen(enum wire_at at)
{
	struct wire_count *count = find_count(at);

	if (count)
		add(&count->seen, 1);
}

static __always_inline void lose_exit(enum wire_at at)
{
	struct wire_count *count = find_count(at);

	if (!count)
		return;
	add(&count->accepted, 1);
	lose(count, WIRE_LOST_EXIT);
}

/*
 * A run that was begun and did not come to an end: when the kernel changes the programs around the traced
 * one, it skips the exits of runs under way (arch_prepare_bpf_trampoline(), ip_after_call). With
 * PREEMPT_RT another run may also come in between.
 */
static __always_inline void give_up(struct run *run)
{
	if (!run->of)
		return;
	run->of = NULL;
	lose_exit(WIRE_AT_ENTRY);
	lose_exit(WIRE_AT_EXIT);
}

static __always_inline __u64 next_id(void)
{
	__u32 id = bpf_get_smp_processor_id();
	struct wire_cpu *cpu = bpf_map_lookup_elem(&cpus, &id);
	__u64 n;

	if (!cpu)
		return 0;
	n = config.is_preemptible ? __sync_fetch_and_add(&cpu->traced, 1) : cpu->traced++;
	return n * trace.n_cpus + id;
}

/* Keeps the bytes for the exit: by then the traced program may have changed them. */
static __always_inline void hold(struct view *v, struct linear_copy *room)
{
	__u32 len = v->len < config.snaplen ? v->len : config.snaplen;

	if (v->at == room->at || !is_recorded(WIRE_AT_ENTRY))
		return;
	if (len > LINEAR_COPY_MAX || bpf_probe_read_kernel(room->bytes, len, (void *)v->at) < 0)
		v->at = 0;
	else
		v->at = room->at;
}

/* A frame that cannot be read is not judged: it is lost, whatever the filter says. */
static __always_inline _Bool is_wanted(const struct view *v)
{
	return filter_accepts((void *)v->at, v->len) || !v->at;
}

static __always_inline void record(const struct xdp_buff *xdp, enum wire_at at, struct view *v,
				   __u64 ts_ns, const struct wire_trace *about)
{
	struct frame f = {
		.slot = slot_of(at),
		.queue = xdp->rxq->queue_index,
		.flags = WIRE_QUEUE | WIRE_TRACED | (at == WIRE_AT_EXIT ? WIRE_VERDICT : 0),
		.len = v->len,
		.caplen = v->len < config.snaplen ? v->len : config.snaplen,
		.ts_ns = ts_ns,
	};
	struct wire_count *count = find_count(at);

	if (count)
		take(v, copy_view, count, &f, &(struct before){ about, sizeof(*about) });
}

SEC("fentry")
int tap_entry(__u64 *ctx)
{
	const struct xdp_buff *xdp = (void *)ctx[0];
	struct linear_copy *room = find_copy(HELD);
	struct run *run = find_run();
	struct view v;

	if (!room || !run)
		return 0;
	give_up(run);
	if (now != trace.version || !is_ours(xdp))
		return 0;
	count_seen(WIRE_AT_ENTRY);
	count_seen(WIRE_AT_EXIT);
	v = see(xdp, room);
	if (!is_wanted(&v))
		return 0;
	run->ts_ns = bpf_ktime_get_ns();
	hold(&v, room);
	run->held = v;
	run->id = next_id();
	run->of = xdp;
	return 0;
}

SEC("fexit")
int tap_exit(__u64 *ctx)
{
	const struct xdp_buff *xdp = (void *)ctx[0];
	struct wire_trace about = { .verdict = ctx[1] };
	struct linear_copy *room = find_copy(LEAVING);
	struct run *run = find_run();
	struct view v;

	if (!room || !run || run->of != xdp)
		return 0;
	run->of = NULL;
	if (!(trace.verdicts & 1U << (about.verdict < WIRE_VERDICTS ? about.verdict : 0)))
		return 0;
	v = see(xdp, room);
	if (!is_wanted(&v))
		return 0;
	about.id = run->id;
	record(xdp, WIRE_AT_ENTRY, &run->held, run->ts_ns, &about);
	record(xdp, WIRE_AT_EXIT, &v, bpf_ktime_get_ns(), &about);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
