/* SPDX-License-Identifier: MIT */
/*
 * Creation of the shared maps. Nothing is pinned: they go with this process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "bpf/maps.h"

/* The kernel accepts powers of two that are multiples of the page size. */
static size_t round_ring_size(size_t size)
{
	size_t rounded = (size_t)sysconf(_SC_PAGESIZE);

	while (rounded < size)
		rounded *= 2;
	return rounded;
}

/* A ring for each CPU that is online; one that comes online later shares another's. */
static int create_rings(struct maps *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	unsigned int n = (unsigned int)get_nprocs();
	int r;

	m->ring_fds = calloc(n, sizeof(*m->ring_fds));
	if (!m->ring_fds)
		return -ENOMEM;
	for (m->n_rings = 0; m->n_rings < n; m->n_rings++) {
		r = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "xdptap_ring", 0, 0,
				   (uint32_t)m->ring_size, NULL);
		if (r < 0)
			return r;
		m->ring_fds[m->n_rings] = r;
	}
	opts.inner_map_fd = (uint32_t)m->ring_fds[0];
	m->rings_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "xdptap_rings", sizeof(uint32_t),
				     sizeof(uint32_t), m->n_cpus, &opts);
	if (m->rings_fd < 0)
		return m->rings_fd;
	for (uint32_t cpu = 0; cpu < m->n_cpus; cpu++) {
		r = bpf_map_update_elem(m->rings_fd, &cpu, &m->ring_fds[cpu % n], BPF_ANY);
		if (r < 0)
			return r;
	}
	return 0;
}

static int create_cpus(struct maps *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *p;

	m->cpus_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdptap_cpus", sizeof(uint32_t),
				    sizeof(struct wire_cpu), m->n_cpus, &opts);
	if (m->cpus_fd < 0)
		return m->cpus_fd;
	p = mmap(NULL, m->n_cpus * sizeof(struct wire_cpu), PROT_READ | PROT_WRITE, MAP_SHARED,
		 m->cpus_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	m->cpu = p;
	return 0;
}

int maps_init(struct maps *m, size_t ring_size)
{
	int r = libbpf_num_possible_cpus();

	*m = (struct maps){ .rings_fd = -1, .counts_fd = -1, .cpus_fd = -1 };
	if (r < 0)
		return r;
	m->n_cpus = (unsigned int)r;
	m->ring_size = round_ring_size(ring_size);
	m->counts_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xdptap_counts", sizeof(uint32_t),
				      sizeof(struct wire_count), MAPS_SLOTS, NULL);
	if (m->counts_fd < 0)
		return m->counts_fd;
	r = create_rings(m);
	return r < 0 ? r : create_cpus(m);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void maps_done(struct maps *m)
{
	if (m->cpu)
		munmap(m->cpu, m->n_cpus * sizeof(struct wire_cpu));
	for (unsigned int i = 0; i < m->n_rings; i++)
		close(m->ring_fds[i]);
	free(m->ring_fds);
	close_fd(m->rings_fd);
	close_fd(m->counts_fd);
	close_fd(m->cpus_fd);
	*m = (struct maps){ .rings_fd = -1, .counts_fd = -1, .cpus_fd = -1 };
}

int maps_share(const struct maps *m, struct bpf_object *object)
{
	const struct {
		const char *name;
		int fd;
	} shared[] = { { "rings", m->rings_fd },
		       { "counts", m->counts_fd },
		       { "cpus", m->cpus_fd } };
	int r = 0;

	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared) && r >= 0; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, shared[i].name);

		r = map ? bpf_map__reuse_fd(map, shared[i].fd) : -ENOENT;
	}
	return r;
}

/*
 * kernel: kernel/bpf/syscall.c, maybe_wait_bpf_programs(): after an update of a map of maps no program
 * uses the old inner map any more. So a ring takes its own place. membarrier(2) alone would not do: it is
 * EINVAL with nohz_full, and does not wait on a single CPU.
 */
int maps_synchronize(const struct maps *m)
{
	const uint32_t cpu = 0;

	if (bpf_map_update_elem(m->rings_fd, &cpu, &m->ring_fds[0], BPF_ANY) == 0 ||
	    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return 0;
	return -errno;
}

int maps_read_count(const struct maps *m, uint32_t slot, struct wire_count *ret)
{
	struct wire_count *all = calloc(m->n_cpus, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	r = bpf_map_lookup_elem(m->counts_fd, &slot, all);
	*ret = (struct wire_count){ 0 };
	for (unsigned int i = 0; r >= 0 && i < m->n_cpus; i++) {
		ret->seen += all[i].seen;
		ret->accepted += all[i].accepted;
		ret->gap += all[i].gap;
		for (unsigned int c = 0; c < WIRE_LOST_CAUSES; c++)
			ret->lost[c] += all[i].lost[c];
	}
	free(all);
	return r;
}
