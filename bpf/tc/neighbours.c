/* SPDX-License-Identifier: MIT */
/*
 * The kernel's order: programs at tcx, then the filters of clsact by priority; on the way out, the qdisc
 * comes last.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/tc/clsact.h"
#include "bpf/tc/neighbours.h"
#include "bpf/program.h"
#include "bpf/tc/qdisc.h"

#define PROGRAMS 64 /* at one hook; kernel: include/linux/bpf_mprog.h, BPF_MPROG_MAX */

/* False if it is a tap's. Its name requires CAP_SYS_ADMIN. */
static bool describe_program(uint32_t id, struct point_neighbour *ret)
{
	struct tap_program p = { 0 };
	int fd = program_open(id);

	if (fd >= 0) {
		(void)program_describe(fd, &p);
		close(fd);
	}
	if (strcmp(p.name, CLSACT_PROGRAM) == 0)
		return false;
	if (*p.name)
		snprintf(ret->what, sizeof(ret->what), "tc program %u \"%.40s\"", id, p.name);
	else
		snprintf(ret->what, sizeof(ret->what), "tc program %u", id);
	return true;
}

static bool find_program_before(const struct neighbours_place *ours, struct point_neighbour *ret)
{
	uint32_t ids[PROGRAMS];
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_cnt = PROGRAMS);

	if (bpf_prog_query_opts((int)ours->ifindex, ours->is_egress ? TCX_EGRESS : TCX_INGRESS,
				&query) < 0)
		return false;
	for (uint32_t i = 0; i < query.prog_cnt && ids[i] != ours->program_id; i++)
		if (describe_program(ids[i], ret))
			return true;
	return false;
}

static bool is_before(const struct qdisc_filter *f, const struct neighbours_place *ours)
{
	return f->priority < ours->priority;
}

static bool is_after(const struct qdisc_filter *f, const struct neighbours_place *ours)
{
	return f->priority > ours->priority;
}

static bool find_filter(const struct neighbours_place *ours, struct point_neighbour *ret,
			bool (*is_meant)(const struct qdisc_filter *f,
					 const struct neighbours_place *ours))
{
	struct qdisc_filter list[QDISC_FILTERS];
	int n = qdisc_list_filters(ours->ifindex, ours->is_egress, list, QDISC_FILTERS);

	for (int i = 0; i < n; i++) {
		if (clsact_is_taps(&list[i]) || !is_meant(&list[i], ours))
			continue;
		snprintf(ret->what, sizeof(ret->what), "tc filter \"%.40s\" (pref %u)",
			 *list[i].name ? list[i].name : list[i].kind, list[i].priority);
		return true;
	}
	return false;
}

bool neighbours_find_before(const struct neighbours_place *ours, struct point_neighbour *ret)
{
	if (!ours->priority) /* no filter comes before tcx */
		return ours->program_id && find_program_before(ours, ret);
	return find_filter(ours, ret, is_before);
}

bool neighbours_find_after(const struct neighbours_place *ours, struct point_neighbour *ret)
{
	if (find_filter(ours, ret, is_after))
		return true;
	snprintf(ret->what, sizeof(ret->what), "qdisc \"netem\"");
	return ours->is_egress && qdisc_has_netem(ours->ifindex);
}
