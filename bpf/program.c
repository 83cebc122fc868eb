/* SPDX-License-Identifier: MIT */
/*
 * The kernel keeps 15 bytes of a program's name. The complete name is that of its first function, in
 * its BTF.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/program.h"

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int program_open(uint32_t id)
{
	return bpf_prog_get_fd_by_id(id);
}

uint32_t program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

/* The BTF type of the program's first function, or 0. */
static uint32_t first_function(int fd)
{
	struct bpf_func_info first = { 0 };
	struct bpf_prog_info info = { .nr_func_info = 1,
				      .func_info_rec_size = sizeof(first),
				      .func_info = pointer(&first) };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? first.type_id : 0;
}

/* Puts the complete name into *ret, if there is one. */
static void find_name(int fd, uint32_t btf_id, struct tap_program *ret)
{
	struct btf *btf = btf__load_from_kernel_by_id(btf_id);
	const struct btf_type *type = btf ? btf__type_by_id(btf, first_function(fd)) : NULL;
	const char *name = type && btf_is_func(type) ? btf__name_by_offset(btf, type->name_off)
						     : NULL;

	ret->has_btf = name;
	if (name && strlen(name) < sizeof(ret->name))
		strcpy(ret->name, name);
	btf__free(btf);
}

int program_describe(int fd, struct tap_program *ret)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &size);

	if (r < 0)
		return r;
	ret->id = info.id;
	memcpy(ret->name, info.name, sizeof(info.name) - 1);
	for (size_t i = 0; i < sizeof(info.tag); i++)
		snprintf(ret->tag + 2 * i, 3, "%02x", info.tag[i]);
	if (info.btf_id)
		find_name(fd, info.btf_id, ret);
	return 0;
}

/* The id of the program with which a link replaces a function of "target"; 0: it does not. */
static uint32_t find_replacement(int link_fd, uint32_t target)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size) < 0 ||
	    info.type != BPF_LINK_TYPE_TRACING || info.tracing.target_obj_id != target)
		return 0;
	return info.prog_id;
}

/* Describes the program if it replaces a function, and does not trace it. */
static bool describe_dispatched(uint32_t id, struct tap_program *ret)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = id ? program_open(id) : -1;
	bool is_found = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
			info.type == BPF_PROG_TYPE_EXT && program_describe(fd, ret) == 0;

	if (fd >= 0)
		close(fd);
	return is_found;
}

/* The programs that a dispatcher calls, in the order of their links, which is that of their calls. */
static size_t list_dispatched(const struct tap_program *dispatcher, struct tap_program *ret,
			      size_t max)
{
	uint32_t link = 0;
	size_t n = 0;

	while (n < max && bpf_link_get_next_id(link, &link) == 0) {
		int fd = bpf_link_get_fd_by_id(link);

		if (fd < 0)
			continue;
		ret[n] = (struct tap_program){ .mode = dispatcher->mode, .is_dispatched = true };
		n += describe_dispatched(find_replacement(fd, dispatcher->id), &ret[n]);
		close(fd);
	}
	return n;
}

int program_list(unsigned int ifindex, struct tap_program *ret, size_t max)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int fd, r = ifindex ? bpf_xdp_query((int)ifindex, 0, &query) : -ENODEV;

	if (r < 0 || max == 0)
		return r;
	*ret = (struct tap_program){ .id = query.prog_id };
	ret->mode = query.attach_mode == XDP_ATTACHED_SKB ? TAP_MODE_GENERIC : TAP_MODE_NATIVE;
	if (!ret->id)
		return 0;
	fd = program_open(ret->id);
	if (fd < 0)
		return 1;
	(void)program_describe(fd, ret);
	close(fd);
	return 1 + (int)list_dispatched(ret, ret + 1, max - 1);
}
