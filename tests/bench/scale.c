/* SPDX-License-Identifier: MIT */
/*
 * How one shared ring and one ring per CPU scale from one CPU to two. Both capture 64-byte frames by
 * BPF_PROG_TEST_RUN, first on one CPU, then on two at once. Prints the best total of all CPUs, in million
 * frames per second.
 */
#include <bpf/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf/maps.h"
#include "bpf/rings/ring.h"
#include "variants.skel.h"
#include "xdp.skel.h"

#define RUNS   100
#define FRAMES 20000
#define CPUS   2
#define LEN    64

struct worker {
	int cpu, prog_fd;
	pthread_barrier_t *start;
	double mpps;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint8_t frame[LEN] = { 0 };
	cpu_set_t one;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = LEN,
		    .repeat = FRAMES);

	CPU_ZERO(&one);
	CPU_SET(w->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_barrier_wait(w->start);
	if (bpf_prog_test_run_opts(w->prog_fd, &opts) < 0) {
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	w->mpps = 1e3 / opts.duration;
	return NULL;
}

static double run(int prog_fd, struct ring *rings, int n_rings, int n_cpus)
{
	struct worker workers[CPUS];
	pthread_t threads[CPUS];
	pthread_barrier_t start;
	double sum = 0;

	pthread_barrier_init(&start, NULL, (unsigned int)n_cpus);
	for (int i = 0; i < n_cpus; i++) {
		workers[i] = (struct worker){ .cpu = i, .prog_fd = prog_fd, .start = &start };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < n_cpus; i++) {
		pthread_join(threads[i], NULL);
		sum += workers[i].mpps;
	}
	pthread_barrier_destroy(&start);
	for (int i = 0; i < n_rings; i++) {
		ring_refresh(&rings[i]);
		rings[i].pos = rings[i].end;
		ring_release(&rings[i]);
	}
	return sum;
}

static void measure(const char *name, int prog_fd, struct ring *rings, int n_rings)
{
	double best[CPUS + 1] = { 0 };

	for (int r = 0; r < RUNS; r++) {
		for (int n = 1; n <= CPUS; n++) {
			double mpps = run(prog_fd, rings, n_rings, n);

			if (mpps > best[n])
				best[n] = mpps;
		}
	}
	printf("%-20s one CPU %5.1f Mpps, two %5.1f Mpps: %.2f times\n", name, best[1], best[2],
	       best[2] / best[1]);
}

int main(void)
{
	struct variants_bpf *other = variants_bpf__open_and_load();
	struct xdp_bpf *skel = xdp_bpf__open();
	struct ring shared = { 0 }, each[CPUS];
	struct maps maps;

	if (!other || !skel || ring_init(&shared, bpf_map__fd(other->maps.ring), 64 << 20) < 0 ||
	    maps_init(&maps, 16 << 20, 1024) < 0 || maps.n_rings < CPUS)
		return 77;
	for (int i = 0; i < CPUS; i++)
		if (ring_init(&each[i], maps.ring_fds[i], maps.ring_size) < 0)
			return 77;
	skel->rodata->config = (struct wire_config){ .snaplen = WIRE_FRAME_MAX,
						     .wake_bytes = UINT32_MAX };
	if (maps_share(&maps, skel->obj) < 0 || xdp_bpf__load(skel) < 0)
		return 77;
	measure("nothing", bpf_program__fd(other->progs.empty), NULL, 0);
	measure("one shared ring", bpf_program__fd(other->progs.classes), &shared, 1);
	measure("a ring for each CPU", bpf_program__fd(skel->progs.tap_xdp), each, CPUS);
	return 0;
}
