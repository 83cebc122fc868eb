/* SPDX-License-Identifier: MIT */
/* The root of the cgroup hierarchy, version 2: what is attached there runs for every process below it. */
#ifndef XDPTAP_BPF_PROCESS_CGROUP_H
#define XDPTAP_BPF_PROCESS_CGROUP_H

/* Opens it, wherever it is mounted, or mounted or not. Returns the descriptor or -errno; -ENOENT: there is none. */
int cgroup_open_root(void);

#endif
