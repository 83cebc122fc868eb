/* SPDX-License-Identifier: MIT */
/*
 * The cost of the tap in the hook, in ns per frame more than a program that does nothing, by
 * BPF_PROG_TEST_RUN: time stamp, reserve, copy and submit. The variants run in turn, so noise on the
 * machine affects all of them; the fastest of many runs counts.
 *
 *	hook [RING_MIB...]
 */
#include <bpf/bpf.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/maps.h"
#include "bpf/rings/merge.h"
#include "variants.skel.h"
#include "xdp-small.skel.h"
#include "xdp.skel.h"

#define RUNS	 60
#define VARIANTS 10

struct variant {
	const char *name;
	int prog_fd;
	struct ring *rings;
	unsigned int n_rings;
	size_t ring_size;
	unsigned int waste; /* bytes that a record may have in addition to its frame */
};

static void drain(const struct variant *v)
{
	for (unsigned int i = 0; i < v->n_rings; i++) {
		struct ring *r = &v->rings[i];

		ring_refresh(r);
		r->pos = r->end;
		ring_release(r);
	}
}

/* Returns ns per frame of one run. The ring is empty at the start and does not overflow. */
static double run(const struct variant *v, uint8_t *frame, uint32_t len)
{
	uint32_t fits = (uint32_t)((v->rings ? v->ring_size : 1 << 30) / (len + v->waste));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .repeat = (int)(fits < 20000 ? fits : 20000));

	if (bpf_prog_test_run_opts(v->prog_fd, &opts) < 0) {
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	drain(v);
	return opts.duration;
}

static void measure(const struct variant *variants, size_t n, uint32_t len)
{
	uint8_t *frame = calloc(1, len);
	double best[VARIANTS];

	for (size_t i = 0; i < n; i++)
		best[i] = 1e9;
	for (int r = 0; r < RUNS; r++) {
		for (size_t i = 0; i < n; i++) {
			double ns = run(&variants[i], frame, len);

			if (ns < best[i])
				best[i] = ns;
		}
	}
	for (size_t i = 0; i < n; i++)
		printf("%6u B  %-28s %6.0f ns, over nothing %6.0f ns\n", len, variants[i].name,
		       best[i], best[i] - best[0]);
	free(frame);
}

/* The tap's program, by its object: with a ring of that size, a slot of its own or a look-up of it. */
static bool add(struct variant *ret, struct bpf_object *object, struct wire_config *config, int mib,
		bool is_shared)
{
	struct maps *m = calloc(1, sizeof(*m));
	struct merge *merge = calloc(1, sizeof(*merge));
	struct bpf_program *program = bpf_object__find_program_by_name(object, "tap_xdp");

	if (!m || !merge || maps_init(m, (size_t)mib << 20, 1024) < 0 || merge_init(merge, 1) < 0 ||
	    ring_init(&merge->inputs[0].ring, m->ring_fds[0], m->ring_size) < 0 ||
	    (is_shared && maps_allow_sharing(m) < 0))
		return false;
	*config = (struct wire_config){ .snaplen = WIRE_FRAME_MAX,
					.wake_bytes = UINT32_MAX,
					.is_shared = is_shared };
	if (is_shared)
		m->slots[1].above[WIRE_HOOK_XDP] = 1; /* of lo, where test runs take place */
	if (maps_share(m, object) < 0 || bpf_object__load(object) < 0)
		return false;
	ret->prog_fd = bpf_program__fd(program);
	ret->rings = &merge->inputs[0].ring;
	ret->n_rings = 1;
	ret->ring_size = m->ring_size;
	ret->waste = 600; /* a small program has fewer sizes of records */
	return true;
}

int main(int argc, char **argv)
{
	static char names[VARIANTS][32];
	struct variants_bpf *other = variants_bpf__open_and_load();
	struct xdp_small_bpf *small = xdp_small_bpf__open();
	struct xdp_bpf *shared = xdp_bpf__open(), *own;
	struct variant v[VARIANTS] = { 0 };
	struct ring ring = { 0 };
	size_t n = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!other || ring_init(&ring, bpf_map__fd(other->maps.ring), 64 << 20) < 0)
		return 77;
	v[n++] = (struct variant){ "nothing", bpf_program__fd(other->progs.empty) };
	v[n++] = (struct variant){ "size classes, one 64 MiB ring",
				   bpf_program__fd(other->progs.classes),
				   &ring,
				   1,
				   64 << 20,
				   200 };
	v[n++] = (struct variant){ "fixed 2 KiB, one 64 MiB ring",
				   bpf_program__fd(other->progs.fixed),
				   &ring,
				   1,
				   64 << 20,
				   2100 };
	for (int i = 1; (i < argc || i == 1) && n < VARIANTS - 2; i++, n++) {
		int mib = argc > 1 ? atoi(argv[i]) : 4;

		snprintf(names[n], sizeof(names[n]), "xdptap, %d MiB ring", mib);
		v[n].name = names[n];
		own = xdp_bpf__open();
		if (!own || !add(&v[n], own->obj, (void *)&own->rodata->config, mib, false))
			return 77;
	}
	v[n].name = "4 MiB, shared by interfaces";
	if (!shared || !add(&v[n++], shared->obj, (void *)&shared->rodata->config, 4, true))
		return 77;
	v[n].name = "4 MiB, small program";
	if (!small || !add(&v[n++], small->obj, (void *)&small->rodata->config, 4, false))
		return 77;
	measure(v, n, 64);
	measure(v, n, 256);
	measure(v, n, 1500);
	return 0;
}
