/* SPDX-License-Identifier: MIT */
/* What the programs need to know about the running kernel, and cannot ask it themselves. */
#ifndef XDPTAP_BPF_FACTS_H
#define XDPTAP_BPF_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"

struct btf;

/*
 * Whether a program may interrupt another one on the same CPU: only with PREEMPT_RT. Everywhere else
 * they run with soft interrupts disabled.
 */
bool facts_is_preemptible(void);
/* The inode number that identifies our network namespace, as in the kernel's struct net; 0: unknown. */
uint32_t facts_netns(void);
/* Where this kernel keeps fields of sk_buff; unknown if it has no BTF. Read once, before the sandbox. */
const struct wire_skb_config *facts_skb(void);
/* The same for any kernel's BTF. 0; -ENOENT: it does not say where ip_summed is. */
int facts_find_skb(const struct btf *btf, struct wire_skb_config *ret);
/* The same for any kernel's version, as uname(2) gives it: "#1 SMP PREEMPT_RT Debian 6.12.1-1". */
bool facts_is_realtime(const char *version);

#endif
