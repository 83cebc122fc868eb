/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "bpf/process/addresses.h"
#include "bpf/wire.h"

/* False: it is of another family. */
static bool read_address(const struct sockaddr *from, struct wire_address *ret)
{
	*ret = (struct wire_address){ .words = { 0, 0, htonl(0xffff) } };
	if (from && from->sa_family == AF_INET)
		ret->words[3] = ((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr;
	else if (from && from->sa_family == AF_INET6)
		memcpy(ret->words, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
		       sizeof(ret->words));
	else
		return false;
	return true;
}

int addresses_add(int map_fd)
{
	const __u32 one = 1;
	struct wire_address address;
	struct ifaddrs *list;
	int r = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *i = list; i && r == 0; i = i->ifa_next)
		if (read_address(i->ifa_addr, &address))
			r = bpf_map_update_elem(map_fd, &address, &one, BPF_ANY);
	freeifaddrs(list);
	return r;
}
