/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are made from now on are learned first, and then those that are there: so none is missed, and what
 * is newer wins.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/process/addresses.h"
#include "bpf/process/cgroup.h"
#include "bpf/process/process.h"
#include "bpf/wire.h"
#include "process.skel.h"

_Static_assert(TAP_UNIT_SIZE == WIRE_UNIT_SIZE, "tap.h and wire.h disagree");

#define LINKS_MAX 8

struct process {
	struct process_bpf *skel;
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
};

/* What a program needs that older kernels lack. */
static bool has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool is_there = btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;

	btf__free(btf);
	return is_there;
}

/* "has_old": with the program that looks up what is there, for Linux 5.12 and newer. */
static int load(struct process *p, const struct tap_process *config, bool has_old)
{
	bool has_use = has_tracepoint("btf_trace_sock_send_length");
	int r;

	p->skel = process_bpf__open();
	if (!p->skel)
		return -errno;
	p->skel->rodata->learn.is_restricted = config->is_restricted;
	p->skel->rodata->learn.uid = config->uid;
	bpf_program__set_autoload(p->skel->progs.learn_send, has_use);
	bpf_program__set_autoload(p->skel->progs.learn_recv, has_use);
	bpf_program__set_autoload(p->skel->progs.learn_old, has_old);
	r = process_bpf__load(p->skel);
	if (r < 0) {
		process_bpf__destroy(p->skel);
		p->skel = NULL;
	}
	return r;
}

static int keep(struct process *p, struct bpf_link *link)
{
	if (!link)
		return -errno;
	p->links[p->n_links++] = link;
	return 0;
}

static int attach_cgroup(struct process *p)
{
	int r, fd = cgroup_open_root();

	if (fd < 0)
		return fd;
	r = keep(p, bpf_program__attach_cgroup(p->skel->progs.learn_create, fd));
	if (r == 0)
		r = keep(p, bpf_program__attach_cgroup(p->skel->progs.learn_tcp, fd));
	close(fd);
	return r;
}

static int attach_use(struct process *p)
{
	int r;

	if (!bpf_program__autoload(p->skel->progs.learn_send))
		return 0;
	r = keep(p, bpf_program__attach_trace(p->skel->progs.learn_send));
	return r == 0 ? keep(p, bpf_program__attach_trace(p->skel->progs.learn_recv)) : r;
}

/* Reading from the iterator is what lets it run. */
static int look_up_old(const struct process *p)
{
	struct bpf_link *link;
	char unused[64];
	ssize_t n;
	int fd;

	if (!bpf_program__autoload(p->skel->progs.learn_old))
		return 0;
	link = bpf_program__attach_iter(p->skel->progs.learn_old, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	do
		n = fd < 0 ? -1 : read(fd, unused, sizeof(unused));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return n < 0 ? -errno : 0;
}

static int open_programs(struct process *p, const struct tap_process *config)
{
	int r = load(p, config, true);

	if (r == -EINVAL || r == -ENOTSUP || r == -ESRCH)
		r = load(p, config, false);
	if (r == 0)
		r = addresses_add(process_addresses_fd(p));
	if (r == 0)
		r = attach_cgroup(p);
	if (r == 0)
		r = attach_use(p);
	return r == 0 ? look_up_old(p) : r;
}

int process_new(const struct tap_process *config, struct process **ret)
{
	struct process *p = calloc(1, sizeof(*p));
	int r = p ? open_programs(p, config) : -ENOMEM;

	if (r < 0) {
		process_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void process_free(struct process *p)
{
	if (!p)
		return;
	while (p->n_links)
		bpf_link__destroy(p->links[--p->n_links]);
	process_bpf__destroy(p->skel);
	free(p);
}

int process_owners_fd(const struct process *p)
{
	return p ? bpf_map__fd(p->skel->maps.owners) : -1;
}

int process_addresses_fd(const struct process *p)
{
	return p ? bpf_map__fd(p->skel->maps.addresses) : -1;
}

bool process_read_unit(const struct process *p, uint64_t cgroup, char ret[TAP_UNIT_SIZE])
{
	bool is_known = p &&
			bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.units), &cgroup, ret) == 0;

	ret[is_known ? TAP_UNIT_SIZE - 1 : 0] = '\0';
	return is_known;
}
