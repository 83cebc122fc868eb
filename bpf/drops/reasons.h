/* SPDX-License-Identifier: MIT */
/*
 * Why the running kernel drops packets: its reasons and their names, from its BTF. Those of subsystems
 * such as openvswitch come from the BTF of their modules, as far as they are loaded. Requires no privilege.
 */
#ifndef XDPTAP_BPF_DROPS_REASONS_H
#define XDPTAP_BPF_DROPS_REASONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reason {
	uint32_t value;
	char *name;	  /* without the prefix that the core's names share: "TCP_CSUM" */
	bool is_harmless; /* ordinary life of a packet, and no loss of one */
};

struct reasons {
	struct reason *list; /* in the order of their values */
	size_t n;
	bool has_socket; /* the tracepoint tells the receiving socket */
};

/*
 * Fills in *ret, which needs reasons_done() in any case. 0; -ENOSYS: this kernel names no reasons, or
 * loses count of the buffers that a program does not get to see; -ENOMEM.
 */
int reasons_read(struct reasons *ret);
void reasons_done(struct reasons *r);
/* The same for all who ask, read once, before the sandbox. 0 or -errno as above. */
int reasons_get(const struct reasons **ret);
/* NULL: there is none of that name, or value. */
const struct reason *reasons_find(const struct reasons *r, const char *name);
const struct reason *reasons_find_value(const struct reasons *r, uint32_t value);

#endif
