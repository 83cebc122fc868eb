/* SPDX-License-Identifier: MIT */
/*
 * Which processes were chosen: by their IDs, names, users and control groups. A process that was chosen by its ID is
 * in the family from the start, with the time when it began; with children, so is whoever descends from one, and each
 * new child joins when it is made.
 */
#ifndef XDPTAP_BPF_KERNEL_PROCESS_CHOOSE_BPF_H
#define XDPTAP_BPF_KERNEL_PROCESS_CHOOSE_BPF_H

#include "bpf/kernel/process-task.bpf.h"

const volatile struct wire_learn_config learn;

#define ANCESTORS_MAX 32 /* of a task, that are looked at */

/* Userspace fills it; the value says nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wire_choice);
	__type(value, __u32);
} choices SEC(".maps");

struct member {
	__u64 start_ns;
	__u64 pid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct member);
	__type(value, __u32);
} family SEC(".maps");

static __always_inline _Bool has_number(__u32 kind, __u32 number)
{
	const struct wire_choice key = { .kind = kind, .number = number };

	return bpf_map_lookup_elem(&choices, &key) != NULL;
}

static __always_inline _Bool has_name(const struct task_struct *leader)
{
	struct wire_choice key = { .kind = WIRE_CHOICE_NAME };

	if (!learn.by_name)
		return 0;
	BPF_CORE_READ_STR_INTO(&key.name, leader, comm);
	return bpf_map_lookup_elem(&choices, &key) != NULL;
}

static __always_inline struct member member_of(const struct task_struct *leader)
{
	return (struct member){
		.start_ns = BPF_CORE_READ(leader, start_boottime),
		.pid = BPF_CORE_READ(leader, tgid),
	};
}

static __always_inline _Bool is_in_family(const struct task_struct *leader)
{
	const struct member key = member_of(leader);

	return bpf_map_lookup_elem(&family, &key) != NULL;
}

static __always_inline void join_family(const struct task_struct *leader)
{
	const struct member key = member_of(leader);
	const __u32 one = 1;

	bpf_map_update_elem(&family, &key, &one, BPF_ANY);
}

/* Whether its control group is the chosen one, or below it. */
static __always_inline _Bool is_in_cgroup(const struct task_struct *task)
{
	const struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	const void *ancestors = (const void *)cgroup;
	const struct cgroup *ancestor = NULL;
	__u64 id = 0;

	if ((__u32)BPF_CORE_READ(cgroup, level) < learn.cgroup_level)
		return 0;
	if (bpf_core_field_exists(cgroup->ancestors)) { /* Linux 6.2 and newer */
		ancestors += bpf_core_field_offset(struct cgroup, ancestors);
		bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
				      ancestors + learn.cgroup_level * sizeof(ancestor));
		id = BPF_CORE_READ(ancestor, kn, id);
	} else if (bpf_core_field_exists(cgroup->ancestor_ids)) {
		ancestors += bpf_core_field_offset(struct cgroup, ancestor_ids);
		bpf_probe_read_kernel(&id, sizeof(id), ancestors + learn.cgroup_level * sizeof(id));
	}
	return id == learn.cgroup;
}

static __always_inline _Bool is_chosen(const struct task_struct *task)
{
	const struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	if (learn.by_uid && !has_number(WIRE_CHOICE_UID, BPF_CORE_READ(task, cred, uid.val)))
		return 0;
	if (learn.by_cgroup && !is_in_cgroup(task))
		return 0;
	return (!learn.by_pid && !learn.by_name) || is_in_family(leader) || has_name(leader);
}

SEC("tp_btf/sched_process_fork")
int choose_child(__u64 *ctx)
{
	const struct task_struct *parent = BPF_CORE_READ((struct task_struct *)ctx[0],
							 group_leader);
	const struct task_struct *child = BPF_CORE_READ((struct task_struct *)ctx[1], group_leader);

	if (parent != child && (is_in_family(parent) || has_name(parent)))
		join_family(child);
	return 0;
}

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} KERNEL;

SEC("iter/task")
int choose_old(struct bpf_iter__task *ctx)
{
	const struct task_struct *task = ctx->task, *leader, *one;

	if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	leader = one = BPF_CORE_READ(task, group_leader);
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		__u32 pid = BPF_CORE_READ(one, tgid);

		if ((learn.by_pid && has_number(WIRE_CHOICE_PID, pid)) || (i && has_name(one))) {
			join_family(leader);
			return 0;
		}
		if (!learn.has_children || pid <= 1)
			return 0;
		one = BPF_CORE_READ(one, real_parent, group_leader);
	}
	return 0;
}

#endif
