/* SPDX-License-Identifier: MIT */
/*
 * Attaches the program of drop.bpf.c to the tracepoint skb:kfree_skb, which fires for every interface and
 * every namespace. So a program is not attached to one interface: all places of a tap with the same
 * filter share one, and the map "places" says which program records the buffers of which place. One
 * update of that map hands a place from a program to the next, so that each buffer meets one of them.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/drops/reasons.h"
#include "bpf/facts.h"
#include "bpf/filter/patch.h"
#include "bpf/maps.h"
#include "bpf/point-link.h"
#include "drop.skel.h"

/* Attached: a filter, and the places with it. */
struct program {
	struct program *next;
	struct drop_bpf *skeleton;
	struct sock_filter *filter;
	size_t n_filter;
	uint32_t generation;
	uint32_t version; /* unique in its tracer */
	unsigned int n_places;
	uint64_t missed; /* known once it is detached */
};

/* What the places of one tap share. */
struct tracer {
	struct tracer *next;
	const struct maps *maps; /* the tap's, which identify it */
	int places_fd, reasons_fd;
	struct wire_drop_config config;
	struct program *programs;
	unsigned int n_links;
};

struct drop_link {
	struct point_link link;
	struct tracer *tracer;
	struct program *program; /* NULL: detached */
	struct wire_drop_place place;
};

static struct tracer *tracers;

static struct drop_link *drop_link_of(struct point_link *link)
{
	return (struct drop_link *)link;
}

static int create_reasons(struct tracer *t, const struct point_drop *drop)
{
	const uint32_t one = 1;
	int r = 0;

	t->reasons_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "xdptap_reasons", sizeof(uint32_t),
				       sizeof(uint32_t), (uint32_t)drop->n_reasons + 1, NULL);
	if (t->reasons_fd < 0)
		return t->reasons_fd;
	for (size_t i = 0; i < drop->n_reasons && r == 0; i++)
		r = bpf_map_update_elem(t->reasons_fd, &drop->reasons[i], &one, BPF_ANY);
	return r;
}

static int create_maps(struct tracer *t, const struct point_drop *drop, uint32_t n_slots)
{
	t->places_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "xdptap_places",
				      sizeof(struct wire_drop_place), sizeof(struct wire_drop_slot),
				      n_slots, NULL);
	return t->places_fd < 0 ? t->places_fd : create_reasons(t, drop);
}

static void tracer_free(struct tracer *t)
{
	for (struct tracer **p = &tracers; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	if (t->places_fd >= 0)
		close(t->places_fd);
	if (t->reasons_fd >= 0)
		close(t->reasons_fd);
	free(t);
}

static int tracer_new(const struct point_target *target, struct tracer **ret)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->maps = target->maps;
	t->places_fd = t->reasons_fd = -1;
	t->config = (struct wire_drop_config){
		.netns = facts_netns(),
		.has_socket = target->drop.has_socket,
		.is_listed = target->drop.is_listed,
		.of_hooks = target->drop.of_hooks,
	};
	r = create_maps(t, &target->drop, target->maps->n_slots);
	if (r < 0) {
		tracer_free(t);
		return r;
	}
	t->next = tracers;
	tracers = t;
	*ret = t;
	return 0;
}

static int tracer_get(const struct point_target *target, struct tracer **ret)
{
	for (*ret = tracers; *ret; *ret = (*ret)->next)
		if ((*ret)->maps == target->maps)
			return 0;
	return tracer_new(target, ret);
}

static int prepare(struct tracer *tracer, const struct program *p, const struct point_target *t)
{
	struct drop_bpf *skel = p->skeleton;
	int r;

	skel->rodata->config = t->config;
	skel->rodata->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	/* A soft interrupt may run one of our programs while another runs on that CPU. */
	skel->rodata->config.is_preemptible = true;
	skel->rodata->drop = tracer->config;
	skel->rodata->drop.version = p->version;
	r = bpf_map__set_max_entries(skel->maps.copies, t->maps->n_cpus);
	if (r == 0)
		r = bpf_map__reuse_fd(skel->maps.places, tracer->places_fd);
	if (r == 0)
		r = bpf_map__reuse_fd(skel->maps.reasons, tracer->reasons_fd);
	if (r == 0)
		r = maps_share(t->maps, skel->obj);
	if (r == 0 && t->filter)
		r = patch_filter(skel->progs.tap_drop, t->filter, t->n_filter, CBPF_MEMORY);
	return r;
}

static void program_free(struct program *p)
{
	drop_bpf__destroy(p->skeleton);
	free(p->filter);
	free(p);
}

static int keep_filter(struct program *p, const struct point_target *t)
{
	p->generation = t->config.generation;
	p->n_filter = t->filter ? t->n_filter : 0;
	p->filter = calloc(p->n_filter + 1, sizeof(*p->filter));
	if (!p->filter)
		return -ENOMEM;
	if (p->n_filter)
		memcpy(p->filter, t->filter, p->n_filter * sizeof(*p->filter));
	return 0;
}

static bool has_filter(const struct program *p, const struct point_target *t)
{
	size_t n = t->filter ? t->n_filter : 0;

	return p->generation == t->config.generation && p->n_filter == n &&
	       (n == 0 || memcmp(p->filter, t->filter, n * sizeof(*t->filter)) == 0);
}

/* Loads and attaches a program, which has no place yet. */
static int program_new(struct tracer *tracer, const struct point_target *t, struct program **ret)
{
	struct program *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->version = ++tracer->config.version;
	p->skeleton = drop_bpf__open();
	r = p->skeleton ? keep_filter(p, t) : -errno;
	if (r == 0)
		r = prepare(tracer, p, t);
	if (r == 0)
		r = drop_bpf__load(p->skeleton);
	if (r == 0)
		r = drop_bpf__attach(p->skeleton);
	if (r < 0) {
		program_free(p);
		return r;
	}
	p->next = tracer->programs;
	tracer->programs = p;
	*ret = p;
	return 0;
}

static int program_get(struct tracer *tracer, const struct point_target *t, struct program **ret)
{
	for (*ret = tracer->programs; *ret; *ret = (*ret)->next)
		if (has_filter(*ret, t))
			return 0;
	return program_new(tracer, t, ret);
}

/* How many buffers the kernel did not show to it, because it was running on that CPU already. */
static uint64_t count_missed(const struct program *p)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(p->skeleton->progs.tap_drop);

	return bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ? 0 : info.recursion_misses;
}

/* The last place takes the program with it, and accounts for what that missed: whose it was, nobody knows. */
static uint64_t program_leave(struct tracer *tracer, struct program *p)
{
	uint64_t missed;

	if (--p->n_places)
		return 0;
	drop_bpf__detach(p->skeleton);
	missed = count_missed(p);
	for (struct program **at = &tracer->programs; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	program_free(p);
	return missed;
}

/* Makes it the one that records buffers of the link's place. */
static int program_enter(struct program *p, struct drop_link *l, uint32_t slot)
{
	const struct wire_drop_slot value = { slot, p->version };
	int r = bpf_map_update_elem(l->tracer->places_fd, &l->place, &value, BPF_ANY);

	if (r == 0)
		l->program = p;
	return r;
}

static int take_place(const struct point_target *t, struct drop_link *l)
{
	struct program *p;
	int r = program_get(l->tracer, t, &p);

	if (r < 0)
		return r;
	p->n_places++;
	r = program_enter(p, l, t->config.slot);
	if (r < 0)
		(void)program_leave(l->tracer, p);
	return r;
}

static void free_link(struct point_link *link)
{
	struct drop_link *l = drop_link_of(link);

	if (l->tracer && --l->tracer->n_links == 0)
		tracer_free(l->tracer);
	free(l);
}

static int attach(const struct point_target *t, struct point_link **ret)
{
	struct drop_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->link.n_slots = 1;
	l->place = (struct wire_drop_place){ t->ifindex, t->begin != TAP_ETHERNET };
	r = tracer_get(t, &l->tracer);
	if (r == 0) {
		l->tracer->n_links++;
		r = take_place(t, l);
	}
	if (r < 0) {
		free_link(&l->link);
		return r;
	}
	*ret = &l->link;
	return 0;
}

static void detach(struct point_link *link)
{
	struct drop_link *l = drop_link_of(link);

	(void)bpf_map_delete_elem(l->tracer->places_fd, &l->place);
	link->missed += program_leave(l->tracer, l->program);
	l->program = NULL;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	struct drop_link *l = drop_link_of(link);
	struct program *old = l->program;
	int r = take_place(t, l);

	if (r == 0)
		link->missed += program_leave(l->tracer, old);
	return r;
}

/* Nothing can take the program off; what may be gone is the interface. */
static bool is_attached(const struct point_link *link)
{
	const struct drop_link *l = (const struct drop_link *)link;
	char name[IF_NAMESIZE];

	return !l->place.ifindex || if_indextoname(l->place.ifindex, name);
}

static bool asks_netlink(const struct point_link *link)
{
	return ((const struct drop_link *)link)->place.ifindex != 0;
}

const struct point point_drop = {
	.name = "drop",
	.choice = "drop",
	.title = "drop: packets that the kernel drops, with the reason",
	.sees_drops = true,
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.free = free_link,
	.is_attached = is_attached,
	.asks_netlink = asks_netlink,
};
