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

_Static_assert(TAP_UNIT_SIZE == WIRE_UNIT_SIZE &&
		       sizeof(struct tap_choice) == sizeof(struct wire_choice) &&
		       (int)TAP_CHOICE_PID == WIRE_CHOICE_PID &&
		       (int)TAP_CHOICE_NAME == WIRE_CHOICE_NAME &&
		       (int)TAP_CHOICE_UID == WIRE_CHOICE_UID,
	       "tap.h and wire.h disagree");

#define LINKS_MAX 8

struct process {
	struct process_bpf *skel;
	struct bpf_link *links[LINKS_MAX];
	size_t n_links;
	int cgroup_fd;	  /* the root of the hierarchy, until the programs are attached */
	__u32 n_readings; /* of the addresses */
};

/* What a program needs that older kernels lack. */
static bool has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool is_there = btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;

	btf__free(btf);
	return is_there;
}

static bool has_choice(const struct tap_process *config, enum tap_choice_kind kind)
{
	for (size_t i = 0; i < config->n_choices; i++)
		if (config->choices[i].kind == (uint32_t)kind)
			return true;
	return false;
}

/*
 * A type that older kernels lack cannot be relocated: libbpf would look for it in all modules, which requires
 * CAP_SYS_ADMIN.
 */
static __u32 find_dumpable(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "task_exec_state", BTF_KIND_STRUCT) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	__u32 at = 0;

	for (__u32 i = 0; t && i < btf_vlen(t); i++)
		if (strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), "dumpable") == 0)
			at = btf_member_bit_offset(t, i) / 8;
	btf__free(btf);
	return at;
}

/* What the programs are to learn. 0; -ENXIO: there is no such control group. */
static int configure(const struct process *p, const struct tap_process *config,
		     struct wire_learn_config *to)
{
	uint64_t id = 0;

	*to = (struct wire_learn_config){
		.is_restricted = config->is_restricted,
		.uid = config->uid,
		.gid = config->gid,
		.is_selective = config->is_selective,
		.by_pid = has_choice(config, TAP_CHOICE_PID),
		.by_name = has_choice(config, TAP_CHOICE_NAME),
		.by_uid = has_choice(config, TAP_CHOICE_UID),
		.by_cgroup = config->cgroup != NULL,
		.has_children = config->has_children,
		.dumpable_at = config->is_restricted ? find_dumpable() : 0,
	};
	if (config->cgroup && cgroup_find(p->cgroup_fd, config->cgroup, &id, &to->cgroup_level) < 0)
		return -ENXIO;
	to->cgroup = id;
	return 0;
}

static int add_choices(const struct process *p, const struct tap_process *config)
{
	const __u32 one = 1;
	int r = 0;

	for (size_t i = 0; i < config->n_choices && r == 0; i++)
		r = bpf_map_update_elem(bpf_map__fd(p->skel->maps.choices), &config->choices[i],
					&one, BPF_ANY);
	return r;
}

/* "has_old": with the program that looks up what is there, for Linux 5.12 and newer. */
static int load(struct process *p, const struct tap_process *config, bool has_old)
{
	bool has_use = has_tracepoint("btf_trace_sock_send_length");
	int r;

	p->skel = process_bpf__open();
	if (!p->skel)
		return -errno;
	r = configure(p, config, (struct wire_learn_config *)&p->skel->rodata->learn);
	bpf_program__set_autoload(p->skel->progs.learn_send, has_use);
	bpf_program__set_autoload(p->skel->progs.learn_recv, has_use);
	bpf_program__set_autoload(p->skel->progs.learn_old, has_old);
	bpf_program__set_autoload(p->skel->progs.choose_child, config->has_children);
	bpf_program__set_autoload(p->skel->progs.choose_old,
				  config->has_children || has_choice(config, TAP_CHOICE_PID));
	if (r == 0)
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
	int r = keep(p, bpf_program__attach_cgroup(p->skel->progs.learn_create, p->cgroup_fd));

	return r == 0 ? keep(p, bpf_program__attach_cgroup(p->skel->progs.learn_tcp, p->cgroup_fd))
		      : r;
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
static int run(const struct bpf_program *program)
{
	struct bpf_link *link;
	char unused[64];
	ssize_t n;
	int fd;

	if (!bpf_program__autoload(program))
		return 0;
	link = bpf_program__attach_iter(program, NULL);
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

/*
 * Whoever is to be captured, before any socket is learned. A process may be made and get its number while the list is
 * read: the second time finds it, too.
 */
static int choose(struct process *p)
{
	int r = 0;

	if (bpf_program__autoload(p->skel->progs.choose_child))
		r = keep(p, bpf_program__attach_trace(p->skel->progs.choose_child));
	if (r == 0)
		r = run(p->skel->progs.choose_old);
	return r == 0 ? run(p->skel->progs.choose_old) : r;
}

static int open_programs(struct process *p, const struct tap_process *config)
{
	int r = p->cgroup_fd < 0 ? p->cgroup_fd : load(p, config, true);

	if (r == -EINVAL || r == -EACCES || r == -ENOTSUP || r == -ESRCH)
		r = load(p, config, false);
	if (r == 0)
		r = process_read_addresses(p);
	if (r == 0)
		r = add_choices(p, config);
	if (r == 0)
		r = choose(p);
	if (r == 0)
		r = attach_cgroup(p);
	if (r == 0)
		r = attach_use(p);
	return r == 0 ? run(p->skel->progs.learn_old) : r;
}

int process_new(const struct tap_process *config, struct process **ret)
{
	struct process *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (p) {
		p->cgroup_fd = cgroup_open_root();
		r = open_programs(p, config);
		if (p->cgroup_fd >= 0)
			close(p->cgroup_fd);
	}
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

int process_read_addresses(struct process *p)
{
	return p ? addresses_update(process_addresses_fd(p), ++p->n_readings) : 0;
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
