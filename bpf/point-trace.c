/* SPDX-License-Identifier: MIT */
/*
 * Attaches the programs of trace.bpf.c to the entry and the exit of a loaded XDP program. That program is
 * not touched: the kernel calls ours from a trampoline, and detaches them when our descriptors close.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/facts.h"
#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "bpf/point-link.h"
#include "bpf/program.h"
#include "trace.skel.h"

struct trace_link {
	struct point_link link;
	const struct maps *maps;
	struct trace_bpf *skeleton;
	uint32_t *now; /* the programs' variable of that name; NULL: not mapped */
	unsigned int ifindex;
	uint32_t program_id; /* of the program on the interface: the traced one or its dispatcher */
};

static struct trace_link *trace_link_of(struct point_link *link)
{
	return (struct trace_link *)link;
}

static int aim(struct trace_bpf *skel, const struct point_target *t, int target_fd)
{
	struct tap_program p = { 0 };
	int r = program_describe(target_fd, &p);

	if (r == 0 && !p.has_btf)
		r = -ENODATA;
	if (r == 0)
		r = bpf_program__set_attach_target(skel->progs.tap_entry, target_fd, p.name);
	if (r == 0)
		r = bpf_program__set_attach_target(skel->progs.tap_exit, target_fd, p.name);
	if (r == 0 && t->filter)
		r = patch_filter(t->trace.filter_at == POINT_AT_ENTRY ? skel->progs.tap_entry
								      : skel->progs.tap_exit,
				 t->filter, t->n_filter, CBPF_MEMORY);
	return r;
}

static int prepare(struct trace_bpf *skel, const struct point_target *t, int target_fd,
		   const struct trace_bpf *before)
{
	unsigned int copies = bpf_map__max_entries(skel->maps.copies);
	int r;

	skel->rodata->config = t->config;
	skel->rodata->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	skel->rodata->trace = (struct wire_trace_config){
		.ifindex = t->ifindex,
		.netns = facts_netns(),
		.is_bond = t->trace.is_bond,
		.n_cpus = t->maps->n_cpus,
		.at = t->trace.at,
		.verdicts = t->trace.verdicts,
		.version = before ? before->rodata->trace.version + 1 : 1,
	};
	r = bpf_map__set_max_entries(skel->maps.copies, copies * t->maps->n_cpus);
	if (r == 0 && before)
		r = bpf_map__reuse_fd(skel->maps.bss, bpf_map__fd(before->maps.bss));
	if (r == 0)
		r = maps_share(t->maps, skel->obj);
	return r < 0 ? r : aim(skel, t, target_fd);
}

/* The kernel let us open the program: what it refuses is tracing. */
static int explain(int r)
{
	if (r == -EPERM)
		return -EOPNOTSUPP;
	/* Before multi-buffer XDP, Linux 5.18, the verifier knows too little. */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 0)
		return -ENOSYS;
	return r;
}

/*
 * Loads the two and attaches them, where they do nothing until "now" names them: until both are there, a
 * run could meet the entry alone. *ret is to be destroyed in any case.
 */
static int start(const struct point_target *t, int target_fd, const struct trace_bpf *before,
		 struct trace_bpf **ret)
{
	int r;

	*ret = trace_bpf__open();
	r = *ret ? prepare(*ret, t, target_fd, before) : -errno;
	if (r >= 0)
		r = trace_bpf__load(*ret);
	if (r >= 0)
		r = trace_bpf__attach(*ret);
	return r < 0 ? explain(r) : 0;
}

/* 0 and *ret, or -errno. */
static int open_and_start(const struct point_target *t, const struct trace_bpf *before,
			  struct trace_bpf **ret)
{
	int r, target_fd = program_open(t->trace.program_id);

	if (target_fd < 0)
		return target_fd;
	r = start(t, target_fd, before, ret);
	close(target_fd);
	if (r < 0) {
		trace_bpf__destroy(*ret);
		*ret = NULL;
	}
	return r;
}

/*
 * Maps the variable, which all versions share. A mapping of our own: from libbpf 1.5 on, a skeleton does
 * not map a map that it reuses, and its member bss is then ordinary memory.
 */
static int map_now(struct trace_link *l)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(l->skeleton->maps.bss), 0);

	if (p == MAP_FAILED)
		return -errno;
	l->now = p;
	return 0;
}

/* From this store on, new runs of the traced program are that version's. */
static void take_up(struct trace_link *l, uint32_t version)
{
	__atomic_store_n(l->now, version, __ATOMIC_RELEASE);
}

static void free_link(struct point_link *link)
{
	struct trace_link *l = trace_link_of(link);

	if (l->now)
		munmap(l->now, (size_t)sysconf(_SC_PAGESIZE));
	trace_bpf__destroy(l->skeleton);
	free(l);
}

static int attach(const struct point_target *t, struct point_link **ret)
{
	struct trace_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->maps = t->maps;
	l->ifindex = t->ifindex;
	l->link.n_slots = t->trace.at == POINT_AT_BOTH ? 2 : 1;
	r = bpf_xdp_query_id((int)t->ifindex, 0, &l->program_id);
	if (r == 0)
		r = open_and_start(t, NULL, &l->skeleton);
	if (r == 0)
		r = map_now(l);
	if (r < 0) {
		free_link(&l->link);
		return r;
	}
	take_up(l, l->skeleton->rodata->trace.version);
	*ret = &l->link;
	return 0;
}

/*
 * How many runs the kernel did not show to the entry, because it was running on that CPU already. A run
 * whose entry was seen and whose exit was not counts as unfinished instead.
 */
static uint64_t count_missed(const struct trace_bpf *skel)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.tap_entry), &info, &size) < 0)
		return 0;
	return info.recursion_misses;
}

/* On how many CPUs a run has not come to its end: the first word of its struct run is not zero. */
static uint64_t count_unfinished(const struct trace_bpf *skel, const struct maps *maps)
{
	size_t words = bpf_map__value_size(skel->maps.runs) / sizeof(uint64_t);
	uint64_t *runs = calloc(maps->n_cpus, words * sizeof(*runs));
	const uint32_t zero = 0;
	uint64_t n = 0;

	if (runs && bpf_map_lookup_elem(bpf_map__fd(skel->maps.runs), &zero, runs) == 0)
		for (unsigned int cpu = 0; cpu < maps->n_cpus; cpu++)
			n += runs[cpu * words] != 0;
	free(runs);
	return n;
}

/*
 * Takes a version off to which no new runs come. Those under way end first: the kernel would skip their
 * exits.
 */
static void retire(struct trace_bpf *skel, struct trace_link *l)
{
	(void)maps_synchronize(l->maps);
	trace_bpf__detach(skel);
	l->link.missed += count_missed(skel);
	l->link.unfinished += count_unfinished(skel, l->maps);
}

static void detach(struct point_link *link)
{
	struct trace_link *l = trace_link_of(link);

	take_up(l, 0);
	retire(l->skeleton, l);
}

static int replace(const struct point_target *t, struct point_link *link)
{
	struct trace_link *l = trace_link_of(link);
	struct trace_bpf *skel, *old = l->skeleton;
	int r = open_and_start(t, old, &skel);

	if (r < 0)
		return r;
	take_up(l, skel->rodata->trace.version);
	retire(old, l);
	trace_bpf__destroy(old);
	l->skeleton = skel;
	return 0;
}

/* The traced program may run elsewhere, too: the question is whether it runs here. */
static bool is_attached(const struct point_link *link)
{
	const struct trace_link *l = (const struct trace_link *)link;
	uint32_t id = 0;

	return bpf_xdp_query_id((int)l->ifindex, 0, &id) == 0 && id == l->program_id;
}

static bool asks_netlink(const struct point_link *link)
{
	(void)link;
	return true;
}

const struct point point_trace = {
	.name = "trace",
	.choice = "trace",
	.title = "trace: before and after the XDP program",
	.traces_program = true,
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.free = free_link,
	.is_attached = is_attached,
	.asks_netlink = asks_netlink,
};
