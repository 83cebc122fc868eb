/* SPDX-License-Identifier: MIT */
/*
 * Puts the programs of trace.bpf.c before and behind an XDP program that is loaded. That one is not
 * touched: the kernel calls ours from a trampoline, and takes them away with our descriptors.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/maps.h"
#include "bpf/patch.h"
#include "bpf/point.h"
#include "bpf/program.h"
#include "trace.skel.h"

/* The number by which the kernel's struct net is told from others; 0 where it cannot be. */
static uint32_t netns_inode(void)
{
	struct stat s;

	return stat("/proc/thread-self/ns/net", &s) == 0 ? (uint32_t)s.st_ino : 0;
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

static int prepare(struct trace_bpf *skel, const struct point_target *t, int target_fd)
{
	unsigned int pieces = bpf_map__max_entries(skel->maps.pieces);
	int r;

	skel->rodata->config = t->config;
	skel->rodata->trace = (struct wire_trace_config){
		.ifindex = t->ifindex,
		.netns = netns_inode(),
		.n_cpus = t->maps->n_cpus,
		.at = t->trace.at,
		.verdicts = t->trace.verdicts,
	};
	r = bpf_map__set_max_entries(skel->maps.pieces, pieces * t->maps->n_cpus);
	if (r == 0)
		r = maps_share(t->maps, skel->obj);
	return r < 0 ? r : aim(skel, t, target_fd);
}

/* *ret is to be destroyed in any case. */
static int load(const struct point_target *t, int target_fd, struct trace_bpf **ret)
{
	struct trace_bpf *skel = trace_bpf__open();
	int r = skel ? prepare(skel, t, target_fd) : -errno;

	if (r >= 0)
		r = trace_bpf__load(skel);
	*ret = skel;
	return r < 0 ? r : 0;
}

/* It let us open the program: what it refuses is the tracing. */
static int explain(int r)
{
	if (r == -EPERM)
		return -EOPNOTSUPP;
	/* Before multi-buffer XDP, Linux 5.18, the verifier knows too little. */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 0)
		return -ENOSYS;
	return r;
}

static int attach(const struct point_target *t, struct point_link *ret)
{
	struct trace_bpf *skel = NULL;
	int r, target_fd = program_open(t->trace.program_id);

	if (target_fd < 0)
		return target_fd;
	r = load(t, target_fd, &skel);
	close(target_fd);
	if (r == 0)
		r = trace_bpf__attach(skel); /* the entry first: each exit has had one */
	if (r < 0) {
		trace_bpf__destroy(skel);
		return explain(r);
	}
	*ret = (struct point_link){
		.skeleton = skel,
		.link_fd = -1,
		.lock_fd = -1,
		.ifindex = t->ifindex,
		.n_more_slots = t->trace.at == (POINT_AT_ENTRY | POINT_AT_EXIT),
	};
	return 0;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	(void)t, (void)link;
	return -EOPNOTSUPP;
}

/* How often the kernel did not run ours because it was running already on that CPU. */
static uint64_t count_misses(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		return 0;
	return info.recursion_misses;
}

static void detach(struct point_link *link)
{
	struct trace_bpf *skel = link->skeleton;

	trace_bpf__detach(skel);
	link->missed = count_misses(skel->progs.tap_entry) + count_misses(skel->progs.tap_exit);
	trace_bpf__destroy(skel);
}

const struct point point_trace = {
	.name = "trace",
	.about = "trace: what the XDP program there gets, leaves and decides",
	.attach = attach,
	.replace = replace,
	.detach = detach,
};
