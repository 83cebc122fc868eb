/* SPDX-License-Identifier: MIT */
/*
 * Which process owns a socket: the map that process.bpf.c fills and process-find.bpf.h reads, and the kernel's
 * structs that both need. They have only the fields that are read; libbpf relocates them.
 */
#ifndef XDPTAP_BPF_KERNEL_PROCESS_TASK_BPF_H
#define XDPTAP_BPF_KERNEL_PROCESS_TASK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/wire.h"

#define KERNEL __attribute__((preserve_access_index))

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	__u32 skc_rcv_saddr;
	struct {
		__u32 words[4];
	} skc_v6_rcv_saddr;
	struct {
		__s64 counter;
	} skc_cookie;
	struct sock *skc_listener; /* of a request */
} KERNEL;

struct sock_reuseport {
	struct bpf_prog *prog;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	struct sock_reuseport *sk_reuseport_cb;
	unsigned int sk_kern_sock : 1;
} KERNEL;

struct kernfs_node {
	const char *name;
	__u64 id;
} KERNEL;

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[1]; /* Linux 6.2 and newer; before: */
	__u64 ancestor_ids[1];
} KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;
} KERNEL;

struct kernel_id {
	__u32 val;
};

struct cred {
	struct kernel_id uid, euid, suid, gid, egid, sgid;
} KERNEL;

struct mm_struct {
	unsigned long flags;
} KERNEL;

/* Linux 6.18 and newer */
struct mm_struct___bits {
	struct {
		unsigned long words[1];
	} flags;
} KERNEL;

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	__u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	const struct cred *real_cred, *cred;
	struct mm_struct *mm;
	struct task_exec_state *exec_state; /* newer than 6.18 */
	char comm[WIRE_NAME_SIZE];
	struct css_set *cgroups;
} KERNEL;

struct bpf_iter_meta {
	__u64 session_id;
} KERNEL;

/* kernel: include/net/tcp_states.h */
#define LISTEN	     10
#define NEW_SYN_RECV 12

/* Userspace creates it. Least recently used sockets go when it is full: they are not known any more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, struct wire_owned);
} owners SEC(".maps");

/* Of this machine; userspace fills it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wire_address);
	__type(value, __u32);
} addresses SEC(".maps");

/* Of an owner and its socket; the factors are odd, so that each bit counts. */
static __always_inline __u64 owner_sum(__u64 cookie, const struct wire_owner *owner)
{
	const __u64 factor = 0x9e3779b97f4a7c15, *word = (const void *)owner;
	__u64 sum = cookie * factor;

#pragma clang loop unroll(full)
	for (__u64 i = 0; i < sizeof(*owner) / sizeof(*word); i++)
		sum += word[i] * (factor + 2 * (i + 1) * (factor >> 8));
	return sum;
}

/* The owner of that socket, if it is known; 0 otherwise. */
static __always_inline _Bool read_owner(__u64 cookie, struct wire_owner *ret)
{
	const struct wire_owned *p = cookie ? bpf_map_lookup_elem(&owners, &cookie) : NULL;

	if (!p)
		return 0;
	*ret = p->owner;
	asm volatile("" ::: "memory"); /* the sum is of what was copied */
	if (owner_sum(cookie, ret) == *(const volatile __u64 *)&p->sum)
		return 1;
	*ret = (struct wire_owner){ 0 };
	return 0;
}

#endif
