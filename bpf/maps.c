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
#include <unistd.h>

#include "bpf/maps.h"
#include "bpf/rings/cpus.h"

#define NO_MAPS                                                                                    \
	{                                                                                          \
		.rings_fd = -1, .counts_fd = -1, .cpus_fd = -1, .owners_fd = -1,                   \
		.addresses_fd = -1, .slots_fd = -1                                                 \
	}

/* The kernel accepts powers of two that are multiples of the page size. */
static size_t round_ring_size(size_t size)
{
	size_t rounded = (size_t)sysconf(_SC_PAGESIZE);

	while (rounded < size)
		rounded *= 2;
	return rounded;
}

/* Appends one to ring_fds. */
static int create_ring(struct maps *m)
{
	int r = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "xdptap_ring", 0, 0, (uint32_t)m->ring_size,
			       NULL);

	if (r >= 0)
		m->ring_fds[m->n_rings++] = r;
	return r < 0 ? r : 0;
}

static int place_ring(const struct maps *m, uint32_t cpu)
{
	return bpf_map_update_elem(m->rings_fd, &cpu, &m->ring_fds[m->ring_of[cpu]], BPF_ANY);
}

/* One for each CPU that is online; a CPU that comes online later begins with another's. */
static int create_rings(struct maps *m)
{
	int r = cpus_online(m->is_served, m->n_cpus);
	unsigned int n = r < 0 ? 0 : cpus_assign(m->is_served, m->n_cpus, m->ring_of);

	while (r == 0 && m->n_rings < n)
		r = create_ring(m);
	return r == 0 && n == 0 ? -ENODEV : r;
}

static int place_rings(struct maps *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)m->ring_fds[0]);
	int r;

	m->rings_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "xdptap_rings", sizeof(uint32_t),
				     sizeof(uint32_t), m->n_cpus, &opts);
	r = m->rings_fd < 0 ? m->rings_fd : 0;
	for (uint32_t cpu = 0; r == 0 && cpu < m->n_cpus; cpu++)
		r = place_ring(m, cpu);
	return r;
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
	for (unsigned int cpu = 0; cpu < m->n_cpus; cpu++)
		m->cpu[cpu].unwoken = WIRE_UNUSED;
	return 0;
}

static int create_counts(struct maps *m)
{
	m->counts_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xdptap_counts", sizeof(uint32_t),
				      sizeof(struct wire_count), m->n_slots, NULL);
	return m->counts_fd < 0 ? m->counts_fd : 0;
}

int maps_init(struct maps *m, size_t ring_size, uint32_t n_slots)
{
	int r = libbpf_num_possible_cpus();

	*m = (struct maps)NO_MAPS;
	if (r < 0)
		return r;
	m->n_cpus = (unsigned int)r;
	m->n_slots = n_slots < MAPS_SLOTS_MAX ? n_slots : MAPS_SLOTS_MAX;
	m->ring_size = round_ring_size(ring_size);
	m->ring_fds = calloc(m->n_cpus, sizeof(*m->ring_fds));
	m->is_served = calloc(m->n_cpus, sizeof(*m->is_served));
	m->ring_of = calloc(m->n_cpus, sizeof(*m->ring_of));
	r = m->ring_fds && m->is_served && m->ring_of ? create_counts(m) : -ENOMEM;
	if (r == 0)
		r = create_rings(m);
	if (r == 0)
		r = place_rings(m);
	return r == 0 ? create_cpus(m) : r;
}

#define SLOTS_SIZE (WIRE_SHARERS * sizeof(struct wire_slots))

int maps_allow_sharing(struct maps *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *p;

	m->slots_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdptap_slots", sizeof(uint32_t),
				     sizeof(struct wire_slots), WIRE_SHARERS, &opts);
	if (m->slots_fd < 0)
		return m->slots_fd;
	p = mmap(NULL, SLOTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->slots_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	m->slots = p;
	return 0;
}

int maps_find_busy(const struct maps *m)
{
	for (unsigned int cpu = 0; cpu < m->n_cpus; cpu++)
		if (!m->is_served[cpu] &&
		    __atomic_load_n(&m->cpu[cpu].unwoken, __ATOMIC_RELAXED) != WIRE_UNUSED)
			return (int)cpu;
	return -1;
}

int maps_add_ring(struct maps *m, unsigned int cpu)
{
	int r = create_ring(m);

	m->is_served[cpu] = true;
	if (r < 0)
		return r;
	m->ring_of[cpu] = m->n_rings - 1;
	return place_ring(m, cpu);
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
	if (m->slots)
		munmap(m->slots, SLOTS_SIZE);
	for (unsigned int i = 0; i < m->n_rings; i++)
		close(m->ring_fds[i]);
	free(m->ring_fds);
	free(m->is_served);
	free(m->ring_of);
	close_fd(m->rings_fd);
	close_fd(m->counts_fd);
	close_fd(m->cpus_fd);
	close_fd(m->slots_fd);
	*m = (struct maps)NO_MAPS;
}

int maps_share(const struct maps *m, struct bpf_object *object)
{
	const struct {
		const char *name;
		int fd;
	} shared[] = { { "rings", m->rings_fd },
		       { "counts", m->counts_fd },
		       { "cpus", m->cpus_fd },
		       { "owners", m->owners_fd },
		       { "addresses", m->addresses_fd } };
	struct bpf_map *slots = bpf_object__find_map_by_name(object, "slots");
	int r = 0;

	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared) && r >= 0; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, shared[i].name);

		if (shared[i].fd < 0)
			continue;
		r = map ? bpf_map__reuse_fd(map, shared[i].fd) : -ENOENT;
	}
	if (r >= 0 && slots && m->slots_fd >= 0)
		r = bpf_map__reuse_fd(slots, m->slots_fd);
	return r;
}

/*
 * kernel: kernel/bpf/syscall.c, maybe_wait_bpf_programs(): after an update of a map of maps no program
 * uses the old inner map any more. So a CPU gets the ring that it has. membarrier(2) alone would not do: it is
 * EINVAL with nohz_full, and does not wait on a single CPU.
 */
int maps_synchronize(const struct maps *m)
{
	if (place_ring(m, 0) == 0 || syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
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
