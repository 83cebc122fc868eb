/* SPDX-License-Identifier: MIT */
/*
 * The tap ties the maps, the attached programs and the reader of the rings together.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/account.h"
#include "bpf/drops/stamps.h"
#include "bpf/facts.h"
#include "bpf/filter/cbpf.h"
#include "bpf/filter/cbpf-bind.h"
#include "bpf/rings/clock.h"
#include "bpf/load/image.h"
#include "bpf/load/slots.h"
#include "bpf/maps.h"
#include "bpf/point-link.h"
#include "bpf/process/process.h"
#include "bpf/rings/reader.h"
#include "bpf/rings/record.h"
#include "bpf/tap.h"

#define WAKE_SHARE 4 /* a CPU wakes the reader after 1/4 of its ring */

_Static_assert(TAP_SLOTS_MAX < MAPS_SLOTS_MAX, "tap.h and maps.h disagree");
_Static_assert(TAP_SNAPLEN_MAX == WIRE_FRAME_MAX, "tap.h and wire.h disagree");

/* to_frame() copies these words at once. */
#define AFTER_LEN(type, member)	 (offsetof(struct type, member) - offsetof(struct type, len))
#define SAME_PLACE(ours, theirs) (AFTER_LEN(tap_frame, ours) == AFTER_LEN(wire_frame, theirs))
_Static_assert(SAME_PLACE(caplen, caplen) && SAME_PLACE(lost, lost) && SAME_PLACE(slot, slot) &&
		       SAME_PLACE(queue, queue) && SAME_PLACE(hash, hash) &&
		       SAME_PLACE(mask, flags) && SAME_PLACE(generation, generation),
	       "tap_frame and wire_frame differ");

struct tap {
	struct maps maps;
	struct process *process; /* NULL: nobody asks */
	bool is_selective;	 /* only frames of chosen processes */
	struct images images;
	struct reader reader;
	struct clock clock;
	struct slots slots;
	struct stamps stamps;
	unsigned int n_broken;	 /* rings given up, as told to the log */
	uint64_t last_ns;	 /* the last time stamp given out */
	struct tap_stats *stats; /* of each slot, after tap_free_rings(); else NULL */
	void (*log)(void *user, const char *text);
	void *user;
	size_t n_frames;
	struct tap_frame frames[TAP_FRAMES]; /* given out together */
};

static void (*log_fn)(const char *text);

static int __attribute__((format(printf, 2, 0)))
log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (!log_fn || level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	log_fn(text); /* all of it: the end of the verifier's log matters */
	free(text);
	return 0;
}

void tap_set_log(void (*log)(const char *text))
{
	log_fn = log;
	libbpf_set_print(log_libbpf);
}

static void say(const struct tap *t, const char *text)
{
	if (t->log)
		t->log(t->user, text);
	else if (log_fn)
		log_fn(text);
}

/* A record of this slot makes no sense. */
static void refuse(void *user, uint32_t slot)
{
	struct tap *t = user;

	if (slot < t->slots.n)
		t->slots.list[slot].account.invalid++;
}

/* What a ring that is given up still holds shows at the end, as a shortfall. */
static void tell_broken(struct tap *t)
{
	char text[128];

	if (t->reader.merge.n_broken == t->n_broken)
		return;
	t->n_broken = t->reader.merge.n_broken;
	snprintf(text, sizeof(text),
		 "%u of %u rings given up: the length of a record there is impossible\n",
		 t->n_broken, t->maps.n_rings);
	say(t, text);
}

static int open_rings(struct tap *t)
{
	int r = reader_init(&t->reader, t->maps.cpu, t->maps.n_cpus);

	t->reader.merge.refuse = refuse;
	t->reader.merge.user = t;
	for (unsigned int i = 0; r >= 0 && i < t->maps.n_rings; i++)
		r = reader_add(&t->reader, t->maps.ring_fds[i], t->maps.ring_size);
	return r;
}

int tap_new(const struct tap_config *config, struct tap **ret)
{
	struct tap *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->log = config->log;
	t->user = config->user;
	t->reader.epoll_fd = -1;
	t->stamps = STAMPS_OFF;
	clock_init(&t->clock);
	/* one more: slots_attach() has room for two, and most need one */
	r = maps_init(&t->maps, config->ring_size, (config->slots ? config->slots : TAP_SLOTS) + 1);
	t->slots.max = t->maps.n_slots;
	if (r >= 0 && config->has_many)
		r = maps_allow_sharing(&t->maps);
	if (r >= 0)
		r = open_rings(t);
	if (r >= 0 && config->process.is_wanted)
		r = process_new(&config->process, &t->process);
	t->is_selective = config->process.is_selective;
	t->maps.owners_fd = process_owners_fd(t->process);
	t->maps.addresses_fd = process_addresses_fd(t->process);
	if (r < 0) {
		tap_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* All that the kernel holds for us. */
static void free_kernel(struct tap *t)
{
	slots_free_links(&t->slots);
	images_done(&t->images);
	stamps_done(&t->stamps);
	reader_done(&t->reader);
	process_free(t->process);
	t->process = NULL;
	maps_done(&t->maps);
}

void tap_free(struct tap *t)
{
	if (!t)
		return;
	tap_detach(t);
	free_kernel(t);
	slots_done(&t->slots);
	free(t->stats);
	free(t);
}

void tap_abandon(struct tap *t)
{
	if (t)
		slots_abandon(&t->slots);
	tap_free(t);
}

/* Without memory for the counters, everything stays until tap_free(). */
void tap_free_rings(struct tap *t)
{
	struct tap_stats *stats = t->stats ? NULL : calloc(t->slots.n + 1, sizeof(*stats));

	for (uint32_t slot = 0; stats && slot < t->slots.n; slot++)
		(void)tap_read_stats(t, slot, &stats[slot]);
	if (!stats)
		return;
	t->stats = stats;
	free_kernel(t);
}

/* A drop needs no stamp if no packet was captured before. */
static void add_ids(struct tap *t, const struct tap_target *target, struct wire_config *config)
{
	if (!target->has_ids ||
	    !(target->point->sees_drops ? t->stamps.fd >= 0 : stamps_start(&t->stamps)))
		return;
	config->has_ids = true;
	memcpy(config->secret, t->stamps.secret, sizeof(config->secret));
}

int tap_attach(struct tap *t, const struct tap_target *target, enum tap_mode *ret_mode)
{
	struct point_target point_target = {
		.ifindex = target->ifindex,
		.mode = target->mode,
		.maps = &t->maps,
		.images = &t->images,
		.filter = target->filter,
		.n_filter = target->n_filter,
		.is_stamped = target->has_nic_clock,
		.begin = target->begin,
		.trace = target->trace,
		.drop = target->drop,
		.config = {
			.snaplen = target->snaplen,
			.wake_bytes = (uint32_t)(t->maps.ring_size / WAKE_SHARE),
			.is_preemptible = facts_is_preemptible(),
			.hardware = target->hardware,
			.is_egress = target->point->is_egress,
			.is_chosen = t->is_selective,
		},
	};
	struct clock phc = { .fd = -1 };
	int r;

	if (target->has_nic_clock && clock_init_phc(&phc, target->phc_fd) < 0)
		return -ENODEV;
	add_ids(t, target, &point_target.config);
	r = slots_attach(&t->slots, target->point, &point_target, &phc);
	if (r < 0)
		clock_done(&phc);
	else
		*ret_mode = t->slots.list[r].link->mode;
	return r < 0 ? r : 0;
}

bool tap_read_unit(const struct tap *t, uint64_t cgroup, char ret[TAP_UNIT_SIZE])
{
	return t && process_read_unit(t->process, cgroup, ret);
}

int tap_read_addresses(struct tap *t)
{
	return process_read_addresses(t->process);
}

uint32_t tap_slots(const struct tap *t)
{
	return t->slots.n;
}

int tap_set_filter(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
		   uint16_t generation)
{
	return slots_replace(&t->slots, slot, filter, n, generation);
}

int tap_move(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
	     uint16_t generation)
{
	return slots_move(&t->slots, slot, filter, n, generation);
}

void tap_close(struct tap *t, uint32_t slot)
{
	slots_close(&t->slots, slot);
}

struct tap_place tap_find_place(const struct tap *t, uint32_t slot)
{
	const struct attached *a = &t->slots.list[slot == TAP_LAST ? t->slots.n - 1 : slot];

	return (struct tap_place){ a->target.ifindex, a->point, a->link };
}

/* As at the XDP hook, but for the offset of the stack: there it begins below the program's own. */
static const struct cbpf_target at_xdp = { .access = CBPF_XDP, .has_tag = true };

int tap_check_filter(const struct sock_filter *filter, size_t n, size_t *ret_culprit)
{
	struct cbpf_code code;
	int r = cbpf_translate(filter, n, &at_xdp, &code);

	*ret_culprit = code.culprit;
	cbpf_done(&code);
	return r;
}

int tap_print_filter(FILE *to, const struct sock_filter *filter, size_t n, unsigned int ifindex)
{
	const struct cbpf_place place = { .ifindex = ifindex };
	struct sock_filter *bound = cbpf_bind(filter, n, &place);
	int r = bound ? cbpf_list(to, bound, n, &at_xdp) : -ENOMEM;

	free(bound);
	return r;
}

void tap_detach(struct tap *t)
{
	if (slots_detach(&t->slots) && maps_synchronize(&t->maps) < 0)
		say(t, "cannot wait for the programs to end: the last frames may be missing\n");
}

bool tap_is_attached(const struct tap *t, uint32_t slot)
{
	const struct attached *a = &t->slots.list[slot];

	return a->link && a->point->is_attached(a->link);
}

bool tap_asks_netlink(const struct tap *t)
{
	for (const struct attached *a = t->slots.list; a < t->slots.list + t->slots.n; a++)
		if (a->link && a->point->asks_netlink && a->point->asks_netlink(a->link))
			return true;
	return false;
}

bool tap_needs_netlink(const struct tap *t)
{
	for (const struct attached *a = t->slots.list; a < t->slots.list + t->slots.n; a++)
		if (a->link && a->point->needs_netlink && a->point->needs_netlink(a->link))
			return true;
	return false;
}

int tap_fd(const struct tap *t)
{
	return t->reader.epoll_fd;
}

int tap_wait_ms(const struct tap *t)
{
	return reader_wait_ms(&t->reader);
}

bool tap_can_lack_rings(const struct tap *t)
{
	return t->maps.n_rings < t->maps.n_cpus;
}

bool tap_lacks_rings(const struct tap *t)
{
	return maps_find_busy(&t->maps) >= 0;
}

int tap_add_rings(struct tap *t)
{
	int cpu, r = 0;

	while (r == 0 && (cpu = maps_find_busy(&t->maps)) >= 0) {
		r = maps_add_ring(&t->maps, (unsigned int)cpu);
		if (r == 0)
			r = reader_add(&t->reader, t->maps.ring_fds[t->maps.n_rings - 1],
				       t->maps.ring_size);
	}
	return r;
}

/*
 * The words that both structs have are copied at once. Those that the mask does not name keep the values
 * of an earlier frame: zeroing them would cost as much as the rest.
 */
static bool to_frame(struct tap *t, const struct wire_frame *w, uint64_t ts_ns,
		     struct tap_frame *ret)
{
	struct attached *a;

	if (w->slot >= t->slots.n)
		return false;
	a = &t->slots.list[w->slot];
	a->account.taken++;
	ret->ts_ns = clock_to_epoch_ns(&t->clock, ts_ns);
	ret->data = w->data;
	memcpy(&ret->len, &w->len, sizeof(*w) - offsetof(struct wire_frame, len));
	ret->point = a->point;
	if (w->flags & ~RECORD_COMMON)
		record_add_rare(ret, w, &a->phc, ts_ns);
	if (ret->ts_ns < t->last_ns)
		ret->ts_ns = t->last_ns;
	t->last_ns = ret->ts_ns;
	return true;
}

static bool drain(struct tap *t, bool all, tap_frames_fn fn, void *user)
{
	uint64_t now_ns = clock_now_ns(), ts_ns;
	const struct wire_frame *w;
	size_t n, given = 0;

	(void)clock_refresh(&t->clock, now_ns);
	for (uint32_t i = 0; i < t->slots.n; i++)
		if (t->slots.list[i].target.is_stamped)
			clock_follow(&t->slots.list[i].phc, now_ns);
	merge_begin(&t->reader.merge, now_ns, all);
	do {
		for (n = 0; n < TAP_FRAMES && (w = merge_next(&t->reader.merge, &ts_ns));)
			n += to_frame(t, w, ts_ns, &t->frames[n]);
		given += n;
		t->n_frames = n;
	} while (n && (fn(user, t->frames, n) == 0 || all));
	tell_broken(t);
	return given;
}

void tap_drain(struct tap *t, tap_frames_fn fn, void *user)
{
	reader_wake(&t->reader);
	reader_note_look(&t->reader, !drain(t, false, fn, user));
}

void tap_drain_rest(struct tap *t, tap_frames_fn fn, void *user)
{
	struct wire_count count;

	(void)drain(t, true, fn, user);
	for (uint32_t slot = 0; slot < t->slots.n; slot++)
		if (maps_read_count(&t->maps, slot, &count) == 0)
			account_close(&t->slots.list[slot].account, &count,
				      attached_link(&t->slots.list[slot]));
}

void tap_release(struct tap *t)
{
	merge_end(&t->reader.merge);
}

uint64_t tap_now_ns(struct tap *t)
{
	return clock_look(&t->clock);
}

uint64_t tap_ahead_ns(const struct tap *t)
{
	return clock_ahead_ns(&t->clock);
}

uint64_t tap_follow_clock(struct tap *t)
{
	uint64_t back = clock_settle(&t->clock);

	t->last_ns -= back < t->last_ns ? back : t->last_ns;
	for (size_t i = 0; i < t->n_frames; i++)
		t->frames[i].ts_ns -= back;
	return back;
}

int tap_read_stats(const struct tap *t, uint32_t slot, struct tap_stats *ret)
{
	const struct attached *a;
	struct wire_count count;
	int r;

	if (slot >= t->slots.n)
		return -EINVAL;
	if (t->stats) {
		*ret = t->stats[slot];
		return 0;
	}
	a = &t->slots.list[slot];
	r = maps_read_count(&t->maps, slot, &count);
	if (r >= 0)
		account_read(&a->account, &count, attached_link(a), ret);
	return r < 0 ? r : 0;
}

int tap_find_program(unsigned int ifindex, struct tap_program *ret)
{
	int r;

	*ret = (struct tap_program){ 0 };
	r = program_list(ifindex, ret, 1);
	return r < 0 ? r : 0;
}

const char *tap_version(void)
{
	return libbpf_version_string() + 1; /* without its "v" */
}
