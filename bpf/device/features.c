/* SPDX-License-Identifier: MIT */
/*
 * The "netdev" family of generic netlink says what a driver can do with XDP programs (kernel:
 * include/uapi/linux/netdev.h; older headers lack that file, so its numbers are repeated here).
 */
#include <linux/genetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/device/device.h"

#define NETDEV_CMD_DEV_GET		      1
#define NETDEV_A_DEV_IFINDEX		      1
#define NETDEV_A_DEV_XDP_FEATURES	      3
#define NETDEV_A_DEV_XDP_RX_METADATA_FEATURES 5
#define NETDEV_XDP_ACT_BASIC		      1
#define NETDEV_XDP_RX_METADATA_TIMESTAMP      1

struct message {
	struct nlmsghdr h;
	struct genlmsghdr g;
	uint8_t attributes[4096];
};

static void add(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((uint8_t *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	*a = (struct nlattr){ .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
	memcpy(a + 1, data, len);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + (uint32_t)NLA_ALIGN(a->nla_len);
}

/* Sends the message and replaces it with the answer. Returns false if there is none. */
static bool ask(int fd, struct message *m)
{
	ssize_t n;

	m->h.nlmsg_flags = NLM_F_REQUEST;
	if (send(fd, m, m->h.nlmsg_len, 0) < 0)
		return false;
	n = recv(fd, m, sizeof(*m), 0);
	return n >= (ssize_t)offsetof(struct message, attributes) && NLMSG_OK(&m->h, (size_t)n) &&
	       m->h.nlmsg_type != NLMSG_ERROR;
}

/* Copies an attribute of the answer. Returns false if it is missing or shorter than len. */
static bool find(const struct message *m, uint16_t type, void *to, size_t len)
{
	const uint8_t *p = m->attributes, *end = (const uint8_t *)m + m->h.nlmsg_len;

	while (end - p >= (ptrdiff_t)sizeof(struct nlattr)) {
		const struct nlattr *a = (const void *)p;
		ptrdiff_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p)
			return false;
		if ((a->nla_type & NLA_TYPE_MASK) == type && a->nla_len >= NLA_HDRLEN + len) {
			memcpy(to, a + 1, len);
			return true;
		}
		p += step < end - p ? step : end - p;
	}
	return false;
}

static bool find_family(int fd, const char *name, uint16_t *ret)
{
	struct message m = {
		.h = { .nlmsg_len = offsetof(struct message, attributes),
		       .nlmsg_type = GENL_ID_CTRL },
		.g = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};

	add(&m, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	return ask(fd, &m) && find(&m, CTRL_ATTR_FAMILY_ID, ret, sizeof(*ret));
}

static void read_features(int fd, struct device *d)
{
	struct message m = {
		.h = { .nlmsg_len = offsetof(struct message, attributes) },
		.g = { .cmd = NETDEV_CMD_DEV_GET, .version = 1 },
	};
	uint32_t index = d->index;
	uint64_t features;

	if (!find_family(fd, "netdev", &m.h.nlmsg_type))
		return;
	add(&m, NETDEV_A_DEV_IFINDEX, &index, sizeof(index));
	if (!ask(fd, &m))
		return;
	if (find(&m, NETDEV_A_DEV_XDP_FEATURES, &features, sizeof(features))) {
		d->has_features = true;
		d->has_native_xdp = features & NETDEV_XDP_ACT_BASIC;
	}
	if (find(&m, NETDEV_A_DEV_XDP_RX_METADATA_FEATURES, &features, sizeof(features)))
		d->hides_nic_times = !(features & NETDEV_XDP_RX_METADATA_TIMESTAMP);
}

void device_read_features(struct device *d)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		return;
	read_features(fd, d);
	close(fd);
}
