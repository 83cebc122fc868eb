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

static int add_all(int map_fd, __u32 round)
{
	struct wire_address address;
	struct ifaddrs *list;
	int r = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *i = list; i && r == 0; i = i->ifa_next)
		if (read_address(i->ifa_addr, &address))
			r = bpf_map_update_elem(map_fd, &address, &round, BPF_ANY);
	freeifaddrs(list);
	return r == -E2BIG ? 0 : r;
}

/* Those of an earlier round. */
static void remove_old(int map_fd, __u32 round)
{
	struct wire_address address, next;
	int r = bpf_map_get_next_key(map_fd, NULL, &next);
	__u32 of;

	while (r == 0) {
		address = next;
		r = bpf_map_get_next_key(map_fd, &address, &next);
		if (bpf_map_lookup_elem(map_fd, &address, &of) == 0 && of != round)
			(void)bpf_map_delete_elem(map_fd, &address);
	}
}

int addresses_update(int map_fd, __u32 round)
{
	int r = add_all(map_fd, round);

	if (r == 0)
		remove_old(map_fd, round);
	return r;
}
