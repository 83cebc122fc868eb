/* SPDX-License-Identifier: MIT */
/*
 * Reads all links from rtnetlink in one dump.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/device/device.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/net/link.h"

void link_free(struct link *i)
{
	if (!i)
		return;
	g_clear_pointer(&i->altnames, g_ptr_array_unref);
	g_free(i->alias);
	g_free(i->kind);
	g_free(i->parent);
	g_free(i);
}

static char *attr_string(const struct rtattr *a)
{
	return g_strndup(RTA_DATA(a), RTA_PAYLOAD(a));
}

static uint32_t attr_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	memcpy(&v, RTA_DATA(a), MIN(sizeof(v), RTA_PAYLOAD(a)));
	return v;
}

typedef void (*attr_fn)(struct link *i, const struct rtattr *a);

static void walk(struct link *i, const void *attrs, size_t len, attr_fn fn)
{
	const struct rtattr *a = attrs;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		fn(i, a);
}

static void read_linkinfo(struct link *i, const struct rtattr *a)
{
	if (a->rta_type == IFLA_INFO_KIND && !i->kind)
		i->kind = attr_string(a);
}

static void read_properties(struct link *i, const struct rtattr *a)
{
	if (a->rta_type != IFLA_ALT_IFNAME)
		return;
	if (!i->altnames)
		i->altnames = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(i->altnames, attr_string(a));
}

static void read_xdp(struct link *i, const struct rtattr *a)
{
	if (a->rta_type == IFLA_XDP_ATTACHED && RTA_PAYLOAD(a) == 1)
		i->xdp = *(const uint8_t *)RTA_DATA(a);
	else if (a->rta_type == IFLA_XDP_PROG_ID)
		i->xdp_id = attr_u32(a);
}

static void read_link(struct link *i, const struct rtattr *a)
{
	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		g_strlcpy(i->name, RTA_DATA(a), MIN(sizeof(i->name), RTA_PAYLOAD(a)));
		break;
	case IFLA_IFALIAS:
		if (!i->alias)
			i->alias = attr_string(a);
		break;
	case IFLA_ADDRESS:
		i->has_mac = RTA_PAYLOAD(a) == sizeof(i->mac);
		if (i->has_mac)
			memcpy(i->mac, RTA_DATA(a), sizeof(i->mac));
		break;
	case IFLA_PARENT_DEV_NAME:
		if (!i->parent)
			i->parent = attr_string(a);
		break;
	case IFLA_MASTER: i->master = attr_u32(a); break;
	case IFLA_LINK: i->lower = attr_u32(a); break;
	case IFLA_LINKINFO: walk(i, RTA_DATA(a), RTA_PAYLOAD(a), read_linkinfo); break;
	case IFLA_PROP_LIST: walk(i, RTA_DATA(a), RTA_PAYLOAD(a), read_properties); break;
	case IFLA_XDP: walk(i, RTA_DATA(a), RTA_PAYLOAD(a), read_xdp); break;
	}
}

/* IFLA_LINK also names the peer of a veth, and a device that may be in another network namespace. */
static void forget_lower(struct link *i, const struct rtattr *a)
{
	if (a->rta_type == IFLA_LINK_NETNSID || (i->kind && g_str_equal(i->kind, "veth")))
		i->lower = 0;
}

static struct link *from_message(const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	struct link *i = g_new0(struct link, 1);

	i->index = (unsigned int)m->ifi_index;
	i->type = m->ifi_type;
	i->is_up = m->ifi_flags & IFF_UP;
	i->is_running = m->ifi_flags & IFF_RUNNING;
	walk(i, IFLA_RTA(m), h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)), read_link);
	walk(i, IFLA_RTA(m), h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)), forget_lower);
	return i;
}

static int ask_for_links(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
	} request = {
		.h = { .nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.m = { .ifi_family = AF_UNSPEC },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && send(fd, &request, sizeof(request), 0) != sizeof(request)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads one datagram of the answer into the list. Returns 1, 0 at the end of the answer, or -errno. */
static int read_links(int fd, char *buffer, size_t size, GPtrArray *list)
{
	ssize_t n = recv(fd, buffer, size, 0);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (h->nlmsg_type == RTM_NEWLINK &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			g_ptr_array_add(list, from_message(h));
	}
	return 1;
}

GPtrArray *link_list(GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)link_free);
	const size_t size = 65536; /* the kernel's datagrams are at most half as large */
	g_autofree char *buffer = g_malloc(size);
	_cleanup_(close_fdp) int fd = ask_for_links();
	int r = fd < 0 ? -errno : 1;

	while (r > 0)
		r = read_links(fd, buffer, size, list);
	if (r < 0) {
		fail_errno(error, -r, "cannot list the network interfaces");
		return NULL;
	}
	return g_steal_pointer(&list);
}

GPtrArray *link_list_usable(GError **error)
{
	GPtrArray *list = link_list(error);

	for (guint n = 0; list && n < list->len;) {
		if (link_linktype(list->pdata[n]) < 0)
			g_ptr_array_remove_index(list, n);
		else
			n++;
	}
	return list;
}

bool link_is_named(const struct link *i, const char *name)
{
	return g_str_equal(i->name, name) ||
	       (i->altnames &&
		g_ptr_array_find_with_equal_func(i->altnames, name, g_str_equal, NULL));
}

/* As tcpdump does: a number is one only if no interface is called so. */
static struct link *find_number(const char *text)
{
	g_autoptr(GPtrArray) list = NULL;
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT, &number, NULL))
		return NULL;
	list = link_list_usable(NULL);
	return list && number <= list->len ? g_ptr_array_steal_index(list, (guint)number - 1)
					   : NULL;
}

struct link *link_find(const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = link_list(error);
	struct link *numbered = NULL;

	for (guint n = 0; list && n < list->len; n++)
		if (link_is_named(list->pdata[n], name))
			return g_ptr_array_steal_index(list, n);
	if (list)
		numbered = find_number(name);
	if (list && !numbered)
		fail(error, "no such interface: \"%s\"; use \"xdptap -D\" to list the interfaces",
		     name);
	return numbered;
}

struct link *link_find_index(unsigned int index, GError **error)
{
	g_autoptr(GPtrArray) list = link_list(error);

	for (guint n = 0; list && n < list->len; n++)
		if (((struct link *)list->pdata[n])->index == index)
			return g_ptr_array_steal_index(list, n);
	if (list)
		fail(error, "the interface has disappeared");
	return NULL;
}

struct link *link_new_none(void)
{
	struct link *i = g_new0(struct link, 1);

	g_strlcpy(i->name, LINK_NONE, sizeof(i->name));
	i->type = ARPHRD_NONE;
	return i;
}

_Static_assert((int)LINK_LINKTYPE_ETHERNET == DEVICE_ETHERNET &&
		       (int)LINK_LINKTYPE_RAW == DEVICE_RAW &&
		       (int)LINK_LINKTYPE_LINUX_SLL == DEVICE_LINUX_SLL &&
		       (int)LINK_LINKTYPE_CAN == DEVICE_CAN &&
		       (int)LINK_LINKTYPE_NETLINK == DEVICE_NETLINK,
	       "link.h and device.h disagree");

int link_linktype(const struct link *i)
{
	return link_is_vrf(i) ? -1 : device_linktype(i->type);
}

bool link_is_headerless(const struct link *i)
{
	return link_linktype(i) != LINK_LINKTYPE_ETHERNET;
}

bool link_is_vrf(const struct link *i)
{
	return i->kind && g_str_equal(i->kind, "vrf");
}

bool link_is_bond(const struct link *i)
{
	return i->kind && g_str_equal(i->kind, "bond");
}

struct device link_device(const struct link *i)
{
	struct device d = {
		.index = i->index,
		.type = i->type,
		.is_vrf = link_is_vrf(i),
		.is_bond = link_is_bond(i),
		.has_kind = i->kind != NULL,
	};

	g_strlcpy(d.name, i->name, sizeof(d.name));
	if (i->parent)
		g_strlcpy(d.parent, i->parent, sizeof(d.parent));
	return d;
}
