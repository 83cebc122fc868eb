/* SPDX-License-Identifier: MIT */
/* Asks rtnetlink for one link, and drivers by ioctl. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/device/device.h"

#define NAME_MAX_ALT 128 /* kernel: include/uapi/linux/if.h, ALTIFNAMSIZ */

struct request {
	struct nlmsghdr h;
	struct ifinfomsg m;
	_Alignas(struct rtattr) char name[RTA_SPACE(NAME_MAX_ALT)];
};

static int set_name(struct request *r, const char *name)
{
	size_t size = strlen(name) + 1;
	struct rtattr *a = (void *)r->name;

	if (size == 1 || size > NAME_MAX_ALT)
		return -ENODEV;
	a->rta_type = size <= IF_NAMESIZE ? IFLA_IFNAME : IFLA_ALT_IFNAME;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), name, size);
	r->h.nlmsg_len += (uint32_t)RTA_SPACE(size);
	return 0;
}

static void read_kind(const struct rtattr *info, struct device *d)
{
	const struct rtattr *a = RTA_DATA(info);

	for (size_t len = RTA_PAYLOAD(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != IFLA_INFO_KIND)
			continue;
		d->has_kind = true;
		d->is_vrf = strncmp(RTA_DATA(a), "vrf", RTA_PAYLOAD(a)) == 0;
		d->is_bond = strncmp(RTA_DATA(a), "bond", RTA_PAYLOAD(a)) == 0;
	}
}

static void read_text(const struct rtattr *a, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
}

static void read_link(const struct nlmsghdr *h, struct device *ret)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFLA_RTA(m);

	*ret = (struct device){ .index = (unsigned int)m->ifi_index, .type = m->ifi_type };
	for (size_t len = IFLA_PAYLOAD(h); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			read_text(a, ret->name, sizeof(ret->name));
		else if (a->rta_type == IFLA_PARENT_DEV_NAME)
			read_text(a, ret->parent, sizeof(ret->parent));
		else if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
			read_kind(a, ret);
	}
}

static int read_answer(const void *buffer, size_t len, struct device *ret)
{
	const struct nlmsghdr *h = buffer;
	const struct nlmsgerr *e;

	if (!NLMSG_OK(h, len))
		return -EIO;
	if (h->nlmsg_type == NLMSG_ERROR) {
		e = NLMSG_DATA(h);
		/* Before Linux 5.5 there are no alternative names. */
		return e->error == -EINVAL || e->error == -ERANGE ? -ENODEV : e->error;
	}
	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EIO;
	read_link(h, ret);
	return 0;
}

static int ask(const struct request *request, struct device *ret)
{
	_Alignas(struct nlmsghdr) char buffer[32768];
	int r, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (send(fd, request, request->h.nlmsg_len, 0) >= 0)
		n = recv(fd, buffer, sizeof(buffer), 0);
	r = n < 0 ? -errno : read_answer(buffer, (size_t)n, ret);
	close(fd);
	return r;
}

int device_find(const char *name, unsigned int index, struct device *ret)
{
	struct request request = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST },
		.m = { .ifi_family = AF_UNSPEC },
	};
	int r = 0;

	if (name)
		r = set_name(&request, name);
	else if (index && index <= INT32_MAX)
		request.m.ifi_index = (int)index;
	else
		r = -ENODEV;
	return r < 0 ? r : ask(&request, ret);
}

bool device_ioctl(const char *name, unsigned long request, void *data)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq about = { .ifr_data = data };
	bool is_answered;

	if (fd < 0)
		return false;
	(void)snprintf(about.ifr_name, sizeof(about.ifr_name), "%s", name);
	is_answered = ioctl(fd, request, &about) == 0;
	close(fd);
	return is_answered;
}
