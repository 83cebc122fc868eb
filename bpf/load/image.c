/* SPDX-License-Identifier: MIT */
/*
 * A copy has the image's instructions, and a .rodata of its own in place of the image's: the constants
 * there are what the verifier sees, so that a copy is as fast as a program of libbpf's.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/filter/patch.h"
#include "bpf/load/image.h"
#include "bpf/maps.h"
#include "bpf/point-link.h"

#define RODATA	".rodata"
#define LICENSE "Dual MIT/GPL"

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)

struct image {
	const struct image_kind *kind;
	struct sock_filter *filter; /* NULL: none */
	size_t n_filter;
	struct image_object object; /* loaded; its maps are those of the copies */
	struct bpf_map *rodata;
	uint64_t used; /* images.uses then */
	int shared_fd; /* the program that was loaded last for several interfaces; -1: none */
	struct wire_config shared; /* and its config */
};

static void image_free(struct image *i)
{
	if (!i)
		return;
	if (i->shared_fd >= 0)
		close(i->shared_fd);
	i->object.destroy(i->object.skeleton);
	free(i->filter);
	free(i);
}

void images_done(struct images *images)
{
	for (unsigned int n = 0; n < IMAGES_MAX; n++)
		image_free(images->list[n]);
	*images = (struct images){ 0 };
}

static struct bpf_map *find_rodata(const struct bpf_object *object)
{
	struct bpf_map *map;

	/* by the end of its name: libbpf prefixes the object's */
	bpf_object__for_each_map(map, object)
	{
		const char *end = strstr(bpf_map__name(map), RODATA);

		if (end && strcmp(end, RODATA) == 0)
			return map;
	}
	return NULL;
}

static void bind_to(struct bpf_program *program, unsigned int ifindex)
{
	bpf_program__set_ifindex(program, ifindex);
	bpf_program__set_flags(program, bpf_program__flags(program) | BPF_F_XDP_DEV_BOUND_ONLY);
}

/* The image's constants with these among them, to be freed; NULL: there are none, or no memory. */
static void *constants_with(const struct image *i, const struct wire_config *config,
			    size_t *ret_size)
{
	const void *constants = i->rodata ? bpf_map__initial_value(i->rodata, ret_size) : NULL;
	uint8_t *copy = constants ? malloc(*ret_size) : NULL;

	if (!copy || i->object.config_at + sizeof(*config) > *ret_size) {
		free(copy);
		return NULL;
	}
	memcpy(copy, constants, *ret_size);
	memcpy(copy + i->object.config_at, config, sizeof(*config));
	return copy;
}

static int set_constants(const struct image *i, const struct wire_config *config)
{
	size_t size;
	void *constants = constants_with(i, config, &size);
	int r = constants ? bpf_map__set_initial_value(i->rodata, constants, size) : -ENOMEM;

	free(constants);
	return r;
}

/* By libbpf, for the target. */
static int load_first(struct image *i, const struct point_target *t)
{
	const struct image_object *o = &i->object;
	int r;

	i->rodata = find_rodata(o->object);
	r = set_constants(i, &t->config);
	if (r == 0)
		r = maps_share(t->maps, o->object);
	if (r == 0 && t->filter)
		r = patch_filter(o->program, t->filter, t->n_filter, i->kind->access);
	if (i->kind->is_bound)
		bind_to(o->program, t->ifindex);
	return r == 0 ? bpf_object__load(o->object) : r;
}

static int copy_filter(struct image *i, const struct point_target *t)
{
	if (!t->filter)
		return 0;
	i->filter = malloc(t->n_filter * sizeof(*i->filter));
	if (!i->filter)
		return -ENOMEM;
	memcpy(i->filter, t->filter, t->n_filter * sizeof(*i->filter));
	i->n_filter = t->n_filter;
	return 0;
}

static int image_new(const struct image_kind *kind, const struct point_target *t,
		     struct image **ret)
{
	struct image *i = calloc(1, sizeof(*i));
	int r = i ? kind->open(kind, &i->object) : -ENOMEM;

	if (r < 0) {
		free(i);
		return r;
	}
	i->kind = kind;
	i->shared_fd = -1;
	r = copy_filter(i, t);
	if (r == 0)
		r = load_first(i, t);
	if (r < 0) {
		image_free(i);
		return r;
	}
	*ret = i;
	return 0;
}

/* A .rodata like the image's, with these constants in it; read-only for everyone. */
static int create_rodata(const struct image *i, const struct wire_config *config)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_RDONLY_PROG);
	const uint32_t zero = 0;
	size_t size;
	void *constants = constants_with(i, config, &size);
	int r, fd;

	if (!constants)
		return -ENOMEM;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdptap_rodata", sizeof(zero), (uint32_t)size, 1,
			    &opts);
	r = fd < 0 ? fd : bpf_map_update_elem(fd, &zero, constants, BPF_ANY);
	if (r == 0)
		r = bpf_map_freeze(fd);
	free(constants);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Lets each instruction that refers to the image's .rodata refer to another. */
static struct bpf_insn *copy_insns(const struct image *i, int rodata_fd)
{
	size_t n = bpf_program__insn_cnt(i->object.program);
	struct bpf_insn *insns = malloc(n * sizeof(*insns));

	if (!insns)
		return NULL;
	memcpy(insns, bpf_program__insns(i->object.program), n * sizeof(*insns));
	for (size_t at = 0; at < n; at++)
		if (insns[at].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    insns[at].src_reg == BPF_PSEUDO_MAP_VALUE &&
		    insns[at].imm == bpf_map__fd(i->rodata))
			insns[at].imm = rodata_fd;
	return insns;
}

/* With its BTF, which has the program's complete name, and lets others trace it. */
static int load_insns(const struct image *i, const struct bpf_insn *insns, unsigned int ifindex)
{
	const struct image_object *o = &i->object;
	const char *name = bpf_program__name(o->program);
	const struct btf *btf = bpf_object__btf(o->object);
	int type_id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) : -ENOENT;
	struct bpf_func_info function = { .type_id = type_id > 0 ? (uint32_t)type_id : 0 };
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	opts.expected_attach_type = bpf_program__expected_attach_type(o->program);
	opts.prog_flags = bpf_program__flags(o->program) | i->kind->flags;
	opts.prog_ifindex = i->kind->is_bound ? ifindex : 0;
	if (type_id > 0 && bpf_object__btf_fd(o->object) >= 0) {
		opts.prog_btf_fd = (uint32_t)bpf_object__btf_fd(o->object);
		opts.func_info = &function;
		opts.func_info_cnt = 1;
		opts.func_info_rec_size = sizeof(function);
	}
	return bpf_prog_load(bpf_program__type(o->program), name, LICENSE, insns,
			     bpf_program__insn_cnt(o->program), &opts);
}

static int load_copy(const struct image *i, const struct point_target *t)
{
	int r, rodata_fd = create_rodata(i, &t->config);
	struct bpf_insn *insns;

	if (rodata_fd < 0)
		return rodata_fd;
	insns = copy_insns(i, rodata_fd);
	r = insns ? load_insns(i, insns, t->ifindex) : -ENOMEM;
	free(insns);
	close(rodata_fd); /* the program keeps it */
	return r;
}

static bool is_of(const struct image *i, const struct image_kind *kind,
		  const struct point_target *t)
{
	return i && i->kind == kind && !i->filter == !t->filter &&
	       (!t->filter ||
		(i->n_filter == t->n_filter &&
		 memcmp(i->filter, t->filter, t->n_filter * sizeof(*t->filter)) == 0));
}

/* The place of such an image, or else that of the one to give up. */
static struct image **find(struct images *images, const struct image_kind *kind,
			   const struct point_target *t)
{
	struct image **oldest = images->list;

	for (struct image **p = images->list; p < images->list + IMAGES_MAX; p++) {
		if (is_of(*p, kind, t))
			return p;
		if (*oldest && (!*p || (*p)->used < (*oldest)->used))
			oldest = p;
	}
	return oldest;
}

static int duplicate(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return r < 0 ? -errno : r;
}

/* For others with the same config. Where it cannot be kept, the next one is loaded again. */
static void keep_shared(struct image *i, int program_fd, const struct wire_config *config)
{
	int fd = duplicate(program_fd);

	if (fd < 0)
		return;
	if (i->shared_fd >= 0)
		close(i->shared_fd);
	i->shared_fd = fd;
	i->shared = *config;
}

/* Its own program, or that of others with the same config. */
static int load_from(struct image *i, const struct point_target *t)
{
	bool is_there = i->shared_fd >= 0 && memcmp(&i->shared, &t->config, sizeof(i->shared)) == 0;
	int r = is_there ? duplicate(i->shared_fd) : load_copy(i, t);

	if (r >= 0 && !is_there && t->config.is_shared)
		keep_shared(i, r, &t->config);
	return r;
}

int images_load(struct images *images, const struct image_kind *kind, const struct point_target *t)
{
	struct image **place = find(images, kind, t), *new;
	int r;

	if (is_of(*place, kind, t)) {
		(*place)->used = ++images->uses;
		return load_from(*place, t);
	}
	r = image_new(kind, t, &new);
	if (r < 0)
		return r;
	image_free(*place);
	*place = new;
	new->used = ++images->uses;
	if (t->config.is_shared)
		keep_shared(new, bpf_program__fd(new->object.program), &t->config);
	return duplicate(bpf_program__fd(new->object.program));
}
