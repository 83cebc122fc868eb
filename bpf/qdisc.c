/* SPDX-License-Identifier: MIT */
/* libbpf removes the qdisc with everything in it, so a netlink dump looks for filters first. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/qdisc.h"

/* Whether one datagram of the answer has a filter: 1; 0: the end, without one; -EAGAIN: read on. */
static int look(int fd)
{
	_Alignas(struct nlmsghdr) char buffer[32768];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (n < 0)
		return -errno;
	for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == RTM_NEWTFILTER)
			return 1;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
	}
	return -EAGAIN;
}

static int has_filter(unsigned int ifindex, unsigned int parent)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg m;
	} request = {
		.h = { .nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_GETTFILTER,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.m = { .tcm_ifindex = (int)ifindex, .tcm_parent = parent },
	};
	int r = -EAGAIN, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		r = -errno;
	while (r == -EAGAIN)
		r = look(fd);
	close(fd);
	return r;
}

int qdisc_remove_unused(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = has_filter(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));

	if (r == 0)
		r = has_filter(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	if (r)
		return r < 0 ? r : -EBUSY;
	return bpf_tc_hook_destroy(&both);
}
