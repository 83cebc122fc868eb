/* SPDX-License-Identifier: MIT */
/*
 * Preloaded, it makes a process believe that every veth is a NIC: one without a kind, with the driver NIC_DRIVER. If
 * NIC_OFFLOADS has the word "tags", it strips VLAN tags; with "merges", LRO and hardware GRO are on; with "clock",
 * /dev/ptp7 stamps what it receives.
 */
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_word(const char *word)
{
	const char *words = getenv("NIC_OFFLOADS");

	return words && strstr(words, word);
}

static void pretend(void *data)
{
	struct ethtool_drvinfo *info = data;
	struct ethtool_value *flags = data;
	struct ethtool_gfeatures *features = data;
	struct ethtool_ts_info *times = data;

	switch (info->cmd) {
	case ETHTOOL_GDRVINFO:
		snprintf(info->driver, sizeof(info->driver), "%s", getenv("NIC_DRIVER"));
		break;
	case ETHTOOL_GFLAGS: flags->data = has_word("tags") ? ETH_FLAG_RXVLAN : 0; break;
	case ETHTOOL_GET_TS_INFO:
		times->so_timestamping |= has_word("clock") ? SOF_TIMESTAMPING_RX_HARDWARE : 0;
		times->phc_index = has_word("clock") ? 7 : -1;
		break;
	case ETHTOOL_GFEATURES:
		for (uint32_t i = 0; i < features->size; i++)
			features->features[i].active = has_word("merges") ? UINT32_MAX : 0;
		break;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *data;
	int r;

	va_start(args, request);
	data = va_arg(args, void *);
	va_end(args);
	r = (int)syscall(SYS_ioctl, fd, request, data);
	if (r == 0 && request == SIOCETHTOOL && getenv("NIC_DRIVER"))
		pretend(((struct ifreq *)data)->ifr_data);
	return r;
}

static void hide_kind(struct nlmsghdr *h)
{
	struct rtattr *a = IFLA_RTA(NLMSG_DATA(h));

	for (size_t len = IFLA_PAYLOAD(h); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
			a->rta_type = IFLA_UNSPEC;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
	struct sockaddr_storage from = { 0 };
	socklen_t from_size = sizeof(from);
	struct nlmsghdr *h = buffer;

	if (n <= 0 || (size_t)n > size || !getenv("NIC_DRIVER") ||
	    getsockname(fd, (struct sockaddr *)&from, &from_size) < 0 ||
	    from.ss_family != AF_NETLINK)
		return n;
	for (size_t len = (size_t)n; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
		if (h->nlmsg_type == RTM_NEWLINK)
			hide_kind(h);
	return n;
}
