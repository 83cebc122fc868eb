/* SPDX-License-Identifier: MIT */
/*
 * Learns which process owns a socket: when it is made, when one accepts it or uses it for the first time, and
 * for the sockets that are already there, from the descriptors of all tasks. Nothing here changes what the
 * sockets do.
 *
 * A connection that was not accepted yet has the owner of its listening socket. That travels in the
 * listening socket's storage, which the kernel copies into each new connection.
 */
#include "bpf/kernel/process-choose.bpf.h"

struct socket {
	struct sock *sk;
} KERNEL;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} KERNEL;

#define PF_KTHREAD 0x00200000 /* kernel: include/linux/sched.h */
#define INET	   2
#define INET6	   10
#define PACKET	   17

/* kernel: include/linux/mm_types.h, include/linux/sched/coredump.h */
#define MMF_DUMPABLE_MASK 3
#define SUID_DUMP_USER	  1

struct unit {
	char name[WIRE_UNIT_SIZE];
};

/* The names of cgroups by their ids. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct unit);
} units SEC(".maps");

/* What a listening socket's connections inherit. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct wire_owner);
} listeners SEC(".maps");

static __always_inline void read_unit(const struct task_struct *task, struct wire_owner *to)
{
	const struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	struct unit unit = { 0 };

	to->cgroup = BPF_CORE_READ(kn, id);
	if (bpf_map_lookup_elem(&units, &to->cgroup))
		return;
	bpf_probe_read_kernel_str(unit.name, sizeof(unit.name), BPF_CORE_READ(kn, name));
	bpf_map_update_elem(&units, &to->cgroup, &unit, BPF_ANY);
}

/* Whether its own user may look at its memory, and at its descriptors in /proc. */
static __always_inline _Bool is_dumpable(const struct task_struct *task)
{
	const void *at = (const void *)BPF_CORE_READ(task, mm);
	unsigned long flags = 0;
	__u32 dumpable = 0;

	if (!at)
		return 0;
	if (learn.dumpable_at && bpf_core_field_exists(task->exec_state)) {
		at = (const void *)BPF_CORE_READ(task, exec_state);
		bpf_probe_read_kernel(&dumpable, sizeof(dumpable), at + learn.dumpable_at);
		return dumpable == SUID_DUMP_USER;
	}
	if (bpf_core_field_exists(((struct mm_struct *)0)->flags))
		at += bpf_core_field_offset(struct mm_struct, flags);
	else
		at += bpf_core_field_offset(struct mm_struct___bits, flags);
	bpf_probe_read_kernel(&flags, sizeof(flags), at);
	return (flags & MMF_DUMPABLE_MASK) == SUID_DUMP_USER;
}

/* Whether /proc would tell the user who captures which sockets it has. kernel: kernel/ptrace.c, PTRACE_MODE_READ */
static __always_inline _Bool is_told(const struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	const _Bool is_user = BPF_CORE_READ(cred, uid.val) == learn.uid &&
			      BPF_CORE_READ(cred, euid.val) == learn.uid &&
			      BPF_CORE_READ(cred, suid.val) == learn.uid;
	const _Bool is_group = BPF_CORE_READ(cred, gid.val) == learn.gid &&
			       BPF_CORE_READ(cred, egid.val) == learn.gid &&
			       BPF_CORE_READ(cred, sgid.val) == learn.gid;

	return is_user && is_group && is_dumpable(task);
}

/* 0: it is none that may be told. */
static __always_inline _Bool read_task(const struct task_struct *task, struct wire_owner *to)
{
	const struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	to->uid = BPF_CORE_READ(task, cred, uid.val);
	if (learn.is_restricted && !is_told(task))
		return 0;
	to->pid = BPF_CORE_READ(task, tgid);
	to->tid = BPF_CORE_READ(task, pid);
	to->start_ns = BPF_CORE_READ(leader, start_boottime);
	BPF_CORE_READ_STR_INTO(&to->name, leader, comm);
	read_unit(task, to);
	to->is_chosen = learn.is_selective && is_chosen(task);
	return 1;
}

static __always_inline void store(__u64 cookie, const struct wire_owner *owner, __u64 flags)
{
	struct wire_owned owned = { .sum = owner_sum(cookie, owner), .owner = *owner };

	bpf_map_update_elem(&owners, &cookie, &owned, flags);
}

/* What a process has that may not be told is not known any more, whoever had it before. */
static __always_inline void learn_current(__u64 cookie)
{
	struct wire_owner owner = { 0 };

	if (read_task((void *)bpf_get_current_task(), &owner))
		store(cookie, &owner, BPF_ANY);
	else
		bpf_map_delete_elem(&owners, &cookie);
}

SEC("cgroup/sock_create")
int learn_create(struct bpf_sock *ctx)
{
	learn_current(bpf_get_socket_cookie(ctx));
	return 1;
}

static __always_inline void keep_listener(struct bpf_sock_ops *ctx)
{
	struct wire_owner owner = { 0 };
	struct bpf_sock *sk = ctx->sk;

	if (sk && read_owner(bpf_get_socket_cookie(ctx), &owner))
		bpf_sk_storage_get(&listeners, sk, &owner, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline void inherit(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	const struct wire_owner *owner = sk ? bpf_sk_storage_get(&listeners, sk, NULL, 0) : NULL;

	if (!owner)
		return;
	store(bpf_get_socket_cookie(ctx), owner, BPF_NOEXIST);
	bpf_sk_storage_delete(&listeners, sk);
}

/* The value in ctx->reply remains: what it is asked for here stays the kernel's decision. */
SEC("sockops")
int learn_tcp(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_TCP_LISTEN_CB)
		keep_listener(ctx);
	else if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		inherit(ctx);
	return 1;
}

static __always_inline _Bool is_of_interest(const struct sock *sk)
{
	unsigned short family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return family == INET || family == INET6 || family == PACKET;
}

/* Also after execve(2), which changes the name alone. */
static __always_inline _Bool is_same(const struct wire_owner *owner, const struct task_struct *task)
{
	const struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 name[WIRE_NAME_SIZE / 8] = { 0 };

	BPF_CORE_READ_STR_INTO(&name, leader, comm);
	return owner->tid == (__u32)BPF_CORE_READ(task, pid) &&
	       owner->start_ns == BPF_CORE_READ(leader, start_boottime) &&
	       ((const __u64 *)owner->name)[0] == name[0] &&
	       ((const __u64 *)owner->name)[1] == name[1];
}

/* Whoever uses the socket: a process that accepted it, inherited it or got it from another. */
static __always_inline void learn_user(const struct sock *sk)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	struct wire_owner owner = { 0 };
	__u64 cookie;

	if (!is_of_interest(sk) || BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) ||
	    BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	cookie = bpf_get_socket_cookie((void *)sk);
	if (!read_owner(cookie, &owner) || !is_same(&owner, task))
		learn_current(cookie);
}

/* kernel: include/trace/events/sock.h, from 6.3: (sk, length, flags) */
SEC("tp_btf/sock_send_length")
int learn_send(__u64 *ctx)
{
	learn_user((void *)ctx[0]);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int learn_recv(__u64 *ctx)
{
	learn_user((void *)ctx[0]);
	return 0;
}

/* One of the processes that have it open: what has been learned since is better. */
SEC("iter/task_file")
int learn_old(struct bpf_iter__task_file *ctx)
{
	const struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket = file && task ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? socket->sk : NULL;
	struct wire_owner owner = { 0 };

	if (!sk || !is_of_interest(sk) || !read_task(task, &owner))
		return 0;
	store(bpf_get_socket_cookie(sk), &owner, BPF_NOEXIST);
	if (sk->__sk_common.skc_state == LISTEN)
		bpf_sk_storage_get(&listeners, sk, &owner, BPF_SK_STORAGE_GET_F_CREATE);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
