/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own struct of a network device, as far as it says which one it is: an index is unique
 * within a network namespace only. And as far as it says which bridge or bond it belongs to.
 *
 * The structs have only the fields that are read; libbpf relocates them for the running kernel.
 */
#ifndef XDPTAP_BPF_KERNEL_DEVICE_BPF_H
#define XDPTAP_BPF_KERNEL_DEVICE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define KERNEL __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

struct possible_net {
	struct net *net;
} KERNEL;

struct list_head {
	struct list_head *next;
} KERNEL;

struct net_device {
	int ifindex;
	struct possible_net nd_net;
	struct {
		struct list_head upper; /* of struct netdev_adjacent; the master is the first */
	} adj_list;
} KERNEL;

struct netdev_adjacent {
	struct net_device *dev;
	struct list_head list;
} KERNEL;

#endif
