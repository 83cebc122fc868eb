/* SPDX-License-Identifier: MIT */
/* A plain system call replaces libcap, which would be one more library. */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/xdptap/capabilities.h"

#define BIT(capability) (UINT64_C(1) << (capability))

static const struct {
	int number;
	const char *name;
} known[] = { { CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	      { CAP_NET_RAW, "CAP_NET_RAW" },
	      { CAP_BPF, "CAP_BPF" },
	      { CAP_PERFMON, "CAP_PERFMON" },
	      { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" } };

uint64_t capabilities_of(enum xdptap_point point)
{
	uint64_t all = BIT(CAP_NET_ADMIN) | BIT(CAP_BPF) | BIT(CAP_PERFMON);

	switch (point) {
	case XDPTAP_AUTO:
	case XDPTAP_XDP:
	case XDPTAP_TC_INGRESS:
	case XDPTAP_TC_EGRESS: return all;
	case XDPTAP_TRACE: return all | BIT(CAP_SYS_ADMIN); /* to open another's program */
	}
	return 0;
}

uint64_t capabilities_missing(uint64_t needed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	(void)syscall(SYS_capget, &header, data);
	return needed & ~(data[0].effective | (uint64_t)data[1].effective << 32);
}

void capabilities_explain(uint64_t missing, char *text, size_t size)
{
	size_t at = 0, left = (size_t)__builtin_popcountll(missing);
	const char *verb = left > 1 ? "are" : "is";

	for (size_t i = 0; i < sizeof(known) / sizeof(*known) && at < size; i++)
		if (missing & BIT(known[i].number)) {
			left--;
			at += (size_t)snprintf(text + at, size - at, "%s%s", known[i].name,
					       left > 1 ? ", "
					       : left	? " and "
							: "");
		}
	if (!missing)
		(void)snprintf(text, size,
			       "the kernel refuses BPF programs although no capability is missing: "
			       "a container, kernel lockdown or a security module forbids them");
	else if (at < size)
		(void)snprintf(text + at, size - at, " %s missing", verb);
}
