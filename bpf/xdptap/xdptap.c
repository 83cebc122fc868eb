/* SPDX-License-Identifier: MIT */
/*
 * The life of a tap: open, attach, detach, close. The engine is bpf/tap.c; this adds what a stranger needs:
 * checked arguments, sentences, one descriptor to wait for, and a process that may fork.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bpf/xdptap/capabilities.h"
#include "bpf/xdptap/place.h"
#include "bpf/xdptap/refusal.h"
#include "bpf/xdptap/sized.h"
#include "bpf/xdptap/xdptap.h"

#define RING_SIZE     (8u << 20)
#define RING_SIZE_MAX (1u << 30)
#define SOON_NS	      1000000 /* the first look at the rings: an idle tap sleeps after it */

SIZED_ENDS_WITH(xdptap_config, user);

int xdptap_check(struct xdptap *t)
{
	if (t->pid == getpid())
		return 0;
	return journal_fail(&t->journal, -ECHILD, "the tap belongs to the parent process");
}

int xdptap_check_id(struct xdptap *t, uint32_t id)
{
	int r = xdptap_check(t);

	if (r < 0 || id < t->n_entries)
		return r;
	return journal_fail(&t->journal, -EINVAL, "the tap has no id %u", id);
}

static int read_config(struct journal *j, const struct xdptap_config *theirs,
		       struct xdptap_config *ret)
{
	int r;

	*ret = (struct xdptap_config){ 0 };
	r = theirs ? sized_read(ret, sizeof(*ret), theirs) : 0;
	if (r < 0)
		return refusal_of_struct(j, r, "xdptap_config");
	if (ret->ring_size > RING_SIZE_MAX)
		return journal_fail(j, -EINVAL, "a ring has at most %u bytes", RING_SIZE_MAX);
	if (ret->max_ids > TAP_SLOTS_MAX)
		return journal_fail(j, -EINVAL, "a tap has at most %u ids", TAP_SLOTS_MAX);
	if (ret->flags)
		return journal_fail(j, -EINVAL, "unknown flags 0x%x", ret->flags);
	return 0;
}

/* One descriptor for both. 0 or -errno. */
static int open_wait(struct xdptap *t)
{
	const struct itimerspec soon = { .it_value.tv_nsec = SOON_NS };
	struct epoll_event event = { .events = EPOLLIN };

	t->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->wait_fd < 0 || t->timer_fd < 0 ||
	    epoll_ctl(t->wait_fd, EPOLL_CTL_ADD, t->timer_fd, &event) < 0 ||
	    epoll_ctl(t->wait_fd, EPOLL_CTL_ADD, tap_fd(t->tap), &event) < 0 ||
	    timerfd_settime(t->timer_fd, 0, &soon, NULL) < 0)
		return -errno;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void free_own(struct xdptap *t)
{
	close_fd(t->wait_fd);
	close_fd(t->timer_fd);
	close_fd(t->promiscuous_fd);
	free(t->entries);
	free(t);
}

static int open_tap(struct xdptap *t, const struct xdptap_config *config)
{
	const struct tap_config engine = {
		.ring_size = config->ring_size ? config->ring_size : RING_SIZE,
		.slots = config->max_ids,
		.log = config->log,
		.user = config->user,
	};
	int r;

	journal_enter(&t->journal);
	r = tap_new(&engine, &t->tap);
	journal_leave();
	if (r == 0)
		r = open_wait(t);
	return r < 0 ? refusal_of_open(journal_of_thread(), r, engine.ring_size) : 0;
}

int xdptap_open(const struct xdptap_config *config, struct xdptap **ret)
{
	struct journal *j = journal_of_thread();
	struct xdptap_config known;
	struct xdptap *t;
	int r = read_config(j, config, &known);

	if (r < 0)
		return r;
	t = calloc(1, sizeof(*t));
	if (!t)
		return journal_fail(j, -ENOMEM, "no memory");
	t->pid = getpid();
	t->journal.log = known.log;
	t->journal.user = known.user;
	t->wait_fd = t->timer_fd = t->promiscuous_fd = -1;
	r = open_tap(t, &known);
	if (r < 0) {
		xdptap_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void xdptap_close(struct xdptap *t)
{
	if (!t)
		return;
	if (t->pid == getpid()) {
		journal_enter(&t->journal);
		tap_free(t->tap);
		journal_leave();
	} else {
		tap_abandon(t->tap); /* detaches nothing, so libbpf has nothing to say */
	}
	free_own(t);
}

/* The kernel counts memberships, and ends them when the socket is closed, by whomever. 0 or -errno. */
static int enter_promiscuous_mode(struct xdptap *t, unsigned int ifindex)
{
	const struct packet_mreq all = { .mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC };

	if (t->promiscuous_fd < 0) /* protocol 0: it receives nothing */
		t->promiscuous_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (t->promiscuous_fd < 0 ||
	    setsockopt(t->promiscuous_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
		return -errno;
	return 0;
}

/* Room for two more, as many as a program can have. */
static int grow(struct xdptap *t)
{
	size_t n = (size_t)t->n_entries + 2;
	struct entry *grown = realloc(t->entries, n * sizeof(*grown));

	if (!grown)
		return journal_fail(&t->journal, -ENOMEM, "no memory");
	t->entries = grown;
	return 0;
}

/* It is attached: gives it its ids. Returns the first of them. */
static uint32_t add_entries(struct xdptap *t, const struct place *p)
{
	uint32_t id = t->n_entries;

	while (t->n_entries < tap_slots(t->tap))
		t->entries[t->n_entries++] = (struct entry){ p->target.point, p->mode,
							     p->linktype };
	return id;
}

static int attach_place(struct xdptap *t, struct place *p, uint32_t *ret_id)
{
	struct journal *j = &t->journal;
	int r = grow(t);
	uint32_t id;

	if (r == 0 && (p->wanted.flags & XDPTAP_PROMISCUOUS)) {
		r = enter_promiscuous_mode(t, p->device.index);
		if (r < 0)
			return journal_fail(j, r, "cannot put \"%s\" into promiscuous mode: %s",
					    p->device.name,
					    r == -EPERM ? "CAP_NET_RAW is missing" : strerror(-r));
	}
	if (r == 0) {
		journal_enter(j);
		r = place_attach(p, j, t->tap);
		journal_leave();
	}
	if (r < 0)
		return r;
	id = add_entries(t, p);
	if (ret_id)
		*ret_id = id;
	return 0;
}

int xdptap_attach(struct xdptap *t, const struct xdptap_target *target, uint32_t *ret_id)
{
	struct place p;
	int r = xdptap_check(t);

	if (r < 0)
		return r;
	if (t->has_ended)
		return journal_fail(&t->journal, -EINVAL, "the tap has ended");
	r = place_init(&p, &t->journal, target);
	if (r == 0)
		r = attach_place(t, &p, ret_id);
	place_done(&p);
	return r;
}

int xdptap_detach(struct xdptap *t, uint32_t id)
{
	int r = xdptap_check_id(t, id);

	if (r < 0)
		return r;
	if (t->is_draining)
		return journal_fail(&t->journal, -EINVAL, "a batch is being given out");
	journal_enter(&t->journal);
	tap_close(t->tap, id);
	journal_leave();
	return 0;
}

int xdptap_open_on(const char *interface, struct xdptap **ret)
{
	const struct xdptap_target target = { .size = sizeof(target), .interface = interface };
	struct xdptap *t = NULL;
	int r = xdptap_open(NULL, &t);

	if (r < 0)
		return r;
	r = xdptap_attach(t, &target, NULL);
	if (r < 0) {
		journal_of_thread()->error = t->journal.error;
		xdptap_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* Why the filter was not replaced. */
static int explain_replace(struct xdptap *t, uint32_t id, int code)
{
	const struct xdptap_target none = { .size = sizeof(none) };
	const struct entry *e = &t->entries[id];
	struct device d = { .name = "?" };

	if (code == -ENOENT || code == -ENOLINK || !tap_is_attached(t->tap, id))
		return journal_fail(&t->journal, -ENOENT, "somebody detached the program");
	(void)device_find(NULL, tap_find_place(t->tap, id).ifindex, &d);
	return refusal_of_attach(&t->journal, code, &d, e->point, &none);
}

int xdptap_set_filter(struct xdptap *t, uint32_t id, const struct xdptap_insn *filter, size_t n,
		      uint32_t generation)
{
	struct sock_filter *copy = NULL;
	size_t culprit;
	int r = xdptap_check_id(t, id);

	if (r < 0)
		return r;
	if (generation > UINT16_MAX)
		return journal_fail(&t->journal, -EINVAL, "a generation is at most %u", UINT16_MAX);
	if (!tap_find_place(t->tap, id).ifindex || t->has_ended)
		return journal_fail(&t->journal, -EINVAL, "the program of id %u is detached", id);
	r = place_copy_filter(&t->journal, filter, n, &copy, &culprit);
	if (r < 0)
		return r;
	journal_enter(&t->journal);
	r = tap_set_filter(t->tap, id, copy, n, (uint16_t)generation);
	journal_leave();
	free(copy);
	return r < 0 ? explain_replace(t, id, r) : 0;
}

const struct xdptap_error *xdptap_error(const struct xdptap *t)
{
	return t ? &t->journal.error : &journal_of_thread()->error;
}

uint64_t xdptap_capabilities(enum xdptap_point point, uint64_t *ret_missing)
{
	uint64_t needed = capabilities_of(point);

	if (ret_missing)
		*ret_missing = capabilities_missing(needed);
	return needed;
}

int xdptap_check_filter(const struct xdptap_insn *filter, size_t n, size_t *ret_culprit)
{
	struct sock_filter *copy = NULL;
	size_t culprit = 0;
	int r = place_copy_filter(journal_of_thread(), filter, n, &copy, &culprit);

	free(copy);
	if (ret_culprit)
		*ret_culprit = culprit;
	return r;
}

const char *xdptap_version(void)
{
	return XDPTAP_VERSION;
}
