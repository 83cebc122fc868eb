/* SPDX-License-Identifier: MIT */
/* The root of the cgroup hierarchy, version 2: what is attached there runs for every process below it. */
#ifndef XDPTAP_BPF_PROCESS_CGROUP_H
#define XDPTAP_BPF_PROCESS_CGROUP_H

#include <stdint.h>

/* Opens it, wherever it is mounted, or mounted or not. Returns the descriptor or -errno; -ENOENT: there is none. */
int cgroup_open_root(void);
/*
 * The id of a control group and how deep it is, by its path below the root, its path in the file system, or its name
 * alone, wherever it is: "ssh.service". 0, or -ENOENT.
 */
int cgroup_find(int root_fd, const char *path, uint64_t *ret_id, uint32_t *ret_level);

#endif
