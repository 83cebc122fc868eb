/* SPDX-License-Identifier: MIT */
/* Netlink dumps: libbpf adds and removes one filter, but lists nothing. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/tc/qdisc.h"

/* What is looked for in the answer, and what was found. */
struct search {
	uint16_t type; /* of the messages that count */
	unsigned int ifindex;
	const char *kind; /* of a qdisc; NULL: filters are listed */
	struct qdisc_filter *filters;
	size_t n, max;
	bool has_all_chains; /* and not only chain 0, the one that frames meet first */
};

static void copy_text(char *to, size_t size, const struct rtattr *a)
{
	size_t len = RTA_PAYLOAD(a);

	snprintf(to, size, "%.*s", (int)len, (const char *)RTA_DATA(a));
}

static void read_options(const struct rtattr *options, struct qdisc_filter *f)
{
	const struct rtattr *a = RTA_DATA(options);

	for (size_t len = RTA_PAYLOAD(options); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == TCA_BPF_NAME)
			copy_text(f->name, sizeof(f->name), a);
}

static uint32_t read_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	memcpy(&v, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(v) ? RTA_PAYLOAD(a) : sizeof(v));
	return v;
}

static void note(struct search *s, const struct nlmsghdr *h)
{
	const struct tcmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = TCA_RTA(m), *options = NULL;
	struct qdisc_filter f = { .priority = TC_H_MAJ(m->tcm_info) >> 16,
				  .handle = m->tcm_handle };
	uint32_t chain = 0;

	for (size_t len = TCA_PAYLOAD(h); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == TCA_KIND)
			copy_text(f.kind, sizeof(f.kind), a);
		else if (a->rta_type == TCA_CHAIN)
			chain = read_u32(a);
		else if ((a->rta_type & NLA_TYPE_MASK) == TCA_OPTIONS)
			options = a;
	}
	if (s->kind)
		s->n += strcmp(f.kind, s->kind) == 0;
	/* Without a handle it is no filter but what those of one priority have in common. */
	if (s->kind || !f.handle || (chain && !s->has_all_chains) || s->n == s->max)
		return;
	if (options && strcmp(f.kind, "bpf") == 0)
		read_options(options, &f);
	s->filters[s->n++] = f;
}

/* One datagram of the answer. 0: the end; -EAGAIN: read on; or -errno. */
static int read_answer(int fd, struct search *s)
{
	_Alignas(struct nlmsghdr) char buffer[32768];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (n < 0)
		return -errno;
	for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (h->nlmsg_type == s->type &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct tcmsg)) &&
		    ((const struct tcmsg *)NLMSG_DATA(h))->tcm_ifindex == (int)s->ifindex)
			note(s, h);
	}
	return -EAGAIN;
}

static int dump(uint16_t type, unsigned int parent, struct search *s)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg m;
	} request = {
		.h = { .nlmsg_len = sizeof(request),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.m = { .tcm_ifindex = (int)s->ifindex, .tcm_parent = parent },
	};
	int r = -EAGAIN, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		r = -errno;
	while (r == -EAGAIN)
		r = read_answer(fd, s);
	close(fd);
	return r;
}

/* Sends a request that has one message for an answer. Returns its length, or -errno. */
static ssize_t ask(const void *request, size_t len, void *answer, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (send(fd, request, len, 0) >= 0)
		n = recv(fd, answer, size, 0);
	n = n < 0 ? -errno : n;
	close(fd);
	return n;
}

static int list_filters(unsigned int ifindex, bool is_egress, struct search *s)
{
	uint32_t minor = is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;
	int r;

	s->type = RTM_NEWTFILTER;
	s->ifindex = ifindex;
	r = dump(RTM_GETTFILTER, TC_H_MAKE(TC_H_CLSACT, minor), s);
	return r < 0 ? r : (int)s->n;
}

int qdisc_list_filters(unsigned int ifindex, bool is_egress, struct qdisc_filter *ret, size_t max)
{
	struct search s = { .filters = ret, .max = max };

	return list_filters(ifindex, is_egress, &s);
}

static int has_filter(unsigned int ifindex, bool is_egress)
{
	struct qdisc_filter first;
	struct search s = { .filters = &first, .max = 1, .has_all_chains = true };

	return list_filters(ifindex, is_egress, &s);
}

static bool has_kind(unsigned int ifindex, const char *kind)
{
	struct search s = { .type = RTM_NEWQDISC, .ifindex = ifindex, .kind = kind };

	return dump(RTM_GETQDISC, 0, &s) == 0 && s.n;
}

bool qdisc_is_old_ingress(unsigned int ifindex)
{
	return has_kind(ifindex, "ingress");
}

/* The kind of the interface's root qdisc; empty: unknown. */
static void find_root(unsigned int ifindex, char ret[QDISC_KIND])
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
	} request = {
		.h = { .nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST },
		.m = { .ifi_index = (int)ifindex },
	};
	_Alignas(struct nlmsghdr) char buffer[32768];
	const struct nlmsghdr *h = (void *)buffer;
	const struct rtattr *a = IFLA_RTA(NLMSG_DATA(h));
	ssize_t n = ask(&request, sizeof(request), buffer, sizeof(buffer));

	*ret = 0;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) || h->nlmsg_type != RTM_NEWLINK)
		return;
	for (size_t len = IFLA_PAYLOAD(h); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_QDISC)
			copy_text(ret, QDISC_KIND, a);
}

/* A dump of qdiscs is one of all interfaces: that takes long where there are hundreds, so it comes last. */
bool qdisc_has_netem(unsigned int ifindex)
{
	static const char netem[] = "netem";
	static const char *const childless[] = { "noqueue", "pfifo_fast", "fq", "fq_codel",
						 "pfifo",   "noop",	  "sfq" };
	char root[QDISC_KIND];

	find_root(ifindex, root);
	for (size_t i = 0; i < sizeof(childless) / sizeof(*childless); i++)
		if (strcmp(root, childless[i]) == 0)
			return false;
	return strcmp(root, netem) == 0 || has_kind(ifindex, netem);
}

int qdisc_remove_unused(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = has_filter(ifindex, false);

	if (r == 0)
		r = has_filter(ifindex, true);
	if (r)
		return r < 0 ? r : -EBUSY;
	return bpf_tc_hook_destroy(&both);
}
