/* SPDX-License-Identifier: MIT */
/*
 * Queues and VLAN stripping come from ethtool, XDP features from the "netdev" family of generic netlink
 * (kernel: include/uapi/linux/netdev.h; older headers lack that file, so its numbers are repeated here).
 */
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/net/ethtool.h"

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

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p)
			return false;
		if ((a->nla_type & NLA_TYPE_MASK) == type && a->nla_len >= NLA_HDRLEN + len) {
			memcpy(to, a + 1, len);
			return true;
		}
		p += MIN((ptrdiff_t)NLA_ALIGN(a->nla_len), end - p);
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

static void read_xdp(uint32_t ifindex, struct ethtool *ret)
{
	_cleanup_(close_fdp) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct message m = {
		.h = { .nlmsg_len = offsetof(struct message, attributes) },
		.g = { .cmd = NETDEV_CMD_DEV_GET, .version = 1 },
	};
	uint64_t features;

	if (fd < 0 || !find_family(fd, "netdev", &m.h.nlmsg_type))
		return;
	add(&m, NETDEV_A_DEV_IFINDEX, &ifindex, sizeof(ifindex));
	if (!ask(fd, &m))
		return;
	if (find(&m, NETDEV_A_DEV_XDP_FEATURES, &features, sizeof(features)))
		ret->xdp = features & NETDEV_XDP_ACT_BASIC ? ETHTOOL_XDP_NATIVE
							   : ETHTOOL_XDP_GENERIC;
	if (find(&m, NETDEV_A_DEV_XDP_RX_METADATA_FEATURES, &features, sizeof(features)))
		ret->hides_times = !(features & NETDEV_XDP_RX_METADATA_TIMESTAMP);
}

bool ethtool_ioctl(const struct link *i, unsigned long request, void *data)
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq about = { .ifr_data = data };

	g_strlcpy(about.ifr_name, i->name, sizeof(about.ifr_name));
	return fd >= 0 && ioctl(fd, request, &about) == 0;
}

char *ethtool_driver(const struct link *i)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (!ethtool_ioctl(i, SIOCETHTOOL, &info) || !info.driver[0])
		return NULL;
	if (!info.bus_info[0])
		return g_strndup(info.driver, sizeof(info.driver));
	return g_strdup_printf("%.32s %.32s (%.32s)", info.driver, info.version, info.bus_info);
}

uint64_t ethtool_speed_bps(const struct link *i)
{
	union {
		struct ethtool_link_settings s;
		uint32_t words[sizeof(struct ethtool_link_settings) / 4 + 3 * INT8_MAX];
	} link = { .s = { .cmd = ETHTOOL_GLINKSETTINGS } };

	/* The kernel first answers with the negative size of its masks, and fills them when asked with that size. */
	if (!ethtool_ioctl(i, SIOCETHTOOL, &link) || link.s.link_mode_masks_nwords >= 0)
		return 0;
	link.s.link_mode_masks_nwords = (int8_t)-link.s.link_mode_masks_nwords;
	if (!ethtool_ioctl(i, SIOCETHTOOL, &link) || link.s.speed == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return (uint64_t)link.s.speed * 1000000;
}

void ethtool_read(const struct link *i, struct ethtool *ret)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };

	*ret = (struct ethtool){ 0 };
	read_xdp(i->index, ret);
	if (ethtool_ioctl(i, SIOCETHTOOL, &channels))
		ret->queues = channels.rx_count + channels.combined_count;
	if (ethtool_ioctl(i, SIOCETHTOOL, &flags))
		ret->hides_tags = flags.data & ETH_FLAG_RXVLAN;
}
