/* SPDX-License-Identifier: MIT */
/*
 * A netlink socket in the group of link messages. Only whether there are any matters: the caller lists
 * the links again, so lost messages do no harm as long as their loss counts as a change.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "extcap/net/link-watch.h"

int link_watch_open(void)
{
	const struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&group, sizeof(group)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool link_watch_read(int fd)
{
	_Alignas(struct nlmsghdr) char buffer[8192];
	bool has_changed = false;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_TRUNC)) > 0) {
		size_t len = MIN((size_t)n, sizeof(buffer));

		has_changed |= (size_t)n > sizeof(buffer);
		for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len))
			has_changed |= h->nlmsg_type == RTM_DELLINK || h->nlmsg_type == RTM_NEWLINK;
	}
	return has_changed || errno == ENOBUFS;
}
