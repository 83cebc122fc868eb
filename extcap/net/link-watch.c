/* SPDX-License-Identifier: MIT */
/*
 * A netlink socket in the groups of link and address messages. Only whether there are any matters: the caller reads
 * everything again, so lost messages do no harm as long as their loss counts as a change.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "extcap/net/link-watch.h"

#define EVERYTHING (LINK_WATCH_LINKS | LINK_WATCH_ADDRESSES)

int link_watch_open(bool with_addresses)
{
	const struct sockaddr_nl group = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK |
			     (with_addresses ? RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR : 0),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&group, sizeof(group)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static unsigned int change_of(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK: return LINK_WATCH_LINKS;
	case RTM_NEWADDR:
	case RTM_DELADDR: return LINK_WATCH_ADDRESSES;
	default: return 0;
	}
}

unsigned int link_watch_read(int fd)
{
	_Alignas(struct nlmsghdr) char buffer[8192];
	unsigned int changes = 0;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_TRUNC)) > 0) {
		size_t len = MIN((size_t)n, sizeof(buffer));

		if ((size_t)n > sizeof(buffer))
			changes = EVERYTHING;
		for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len))
			changes |= change_of(h);
	}
	return errno == ENOBUFS ? EVERYTHING : changes;
}
