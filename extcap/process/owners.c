/* SPDX-License-Identifier: MIT */
/*
 * A table from each flow to its process. It forgets all flows when it is full: then some are told once more.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/net/flow.h"
#include "extcap/process/chosen.h"
#include "extcap/process/owners.h"
#include "extcap/process/unit.h"
#include "extcap/system/error.h"

#define FLOWS_MAX    65536
#define INITIAL_PIDS 0xeffffffc /* kernel: include/linux/proc_ns.h, PROC_PID_INIT_INO */

struct owner {
	uint32_t pid; /* 0: not known */
	uint64_t start_ns;
	char name[TAP_NAME_SIZE];
};

/* On the loopback device, each direction of a flow has its own process: so the last two are remembered. */
struct known {
	struct flow flow;
	struct owner owner, before;
	bool has_before;
};

/* A packet that is being added; all NULL: there is none. */
struct telling {
	const struct tap *tap;
	const struct tap_frame *frame;
	struct pcapng_packet *packet;
	const char **comments; /* the packet's */
	uint16_t linktype;
	bool has_comment;
};

struct owners {
	GHashTable *flows; /* set of struct known, by their flow */
	char *text;
	uint64_t cgroup; /* the last one that was asked for, and what is said about it; 0: none */
	char *where;	 /* NULL: nothing */
	struct telling telling;
};

bool owners_are_wanted(const struct config *config)
{
	return config->has_process || chosen_is_any(config);
}

struct owners *owners_new(const struct config *config)
{
	struct owners *o = owners_are_wanted(config) ? g_new0(struct owners, 1) : NULL;

	if (o)
		o->flows = g_hash_table_new_full(flow_hash, flow_is_equal, g_free, NULL);
	return o;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	g_hash_table_unref(o->flows);
	g_free(o->text);
	g_free(o->where);
	g_free(o);
}

/* In another PID namespace than the first, processes have other IDs than the kernel tells programs. */
static bool has_all_pids(void)
{
	struct stat s;

	return stat("/proc/self/ns/pid", &s) < 0 || s.st_ino == INITIAL_PIDS;
}

/*
 * Which process a socket belongs to, /proc tells its own user and root. Whoever runs this program with the
 * capabilities of its file learns no more.
 */
bool owners_prepare(const struct config *config, struct tap_process *ret, GError **error)
{
	*ret = (struct tap_process){ .is_wanted = owners_are_wanted(config) };
	if (!ret->is_wanted)
		return true;
	ret->uid = getuid();
	ret->gid = getgid();
	ret->is_restricted = ret->uid != 0;
	if (!chosen_read(config, ret, error))
		return false;
	return has_all_pids() ||
	       fail(error, "--process does not work in a PID namespace, such as a container's: "
			   "run xdptap outside of it");
}

const char *owners_explain(const struct config *config, int err)
{
	if (!owners_are_wanted(config))
		return NULL;
	switch (err) {
	case ENXIO:
		return config->unit ? "no unit of this name is running: see --unit"
				    : "there is no such control group: see --cgroup";
	case ENOENT: return "--process requires a cgroup2 hierarchy, and none is mounted";
	case ESRCH:
	case ENOSYS:
	case EACCES: /* the verifier refuses a program */
	case E2BIG:
	case ENOTSUP:
	case EINVAL: return "this kernel is too old for --process, or built without BTF";
	default: return NULL;
	}
}

/* A frame of no process has one, too: none that is known. */
static struct known read_frame(uint16_t linktype, const struct tap_frame *f)
{
	struct known k = { .has_before = false };

	if (f->mask & TAP_OWNED) {
		k.owner.pid = f->owner.pid;
		k.owner.start_ns = f->owner.start_ns;
		memcpy(k.owner.name, f->owner.name, sizeof(k.owner.name));
	}
	(void)flow_find(linktype, f->data, f->caplen, &k.flow);
	return k;
}

static bool is_same(const struct owner *a, const struct owner *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns && strcmp(a->name, b->name) == 0;
}

/* Nobody expects a process where there are no ports. */
static bool is_worth_telling(const struct owners *o, const struct known *k)
{
	const struct known *before = g_hash_table_lookup(o->flows, k);

	if (!before)
		return k->owner.pid || k->flow.has_ports;
	return !is_same(&before->owner, &k->owner) &&
	       !(before->has_before && is_same(&before->before, &k->owner));
}

/* Where it runs; NULL: there is nothing to say. The kernel does not use an id again. */
static const char *find_where(struct owners *o, const struct tap *tap, uint64_t cgroup)
{
	char unit[TAP_UNIT_SIZE] = "";

	if (cgroup == o->cgroup)
		return o->where;
	g_free(o->where);
	o->cgroup = tap_read_unit(tap, cgroup, unit) ? cgroup : 0;
	return o->where = unit_text(unit);
}

/* The kernel accepts any bytes in a process's name. */
static char *describe(struct owners *o, const struct tap *tap, const struct tap_owner *owner)
{
	g_autofree char *name = g_utf8_make_valid(owner->name, -1);
	const char *where = find_where(o, tap, owner->cgroup);

	return g_strdup_printf("process: %s (pid %u, uid %u%s%s)", name, owner->pid, owner->uid,
			       where ? ", " : "", where ? where : "");
}

/* The flow of the packet that is being added is known now. */
static void tell(struct owners *o)
{
	struct telling *t = &o->telling;
	struct known k = read_frame(t->linktype, t->frame);
	const struct known *before = g_hash_table_lookup(o->flows, &k);
	size_t *n = &t->packet->options.n_comments;

	if (!is_worth_telling(o, &k))
		return;
	k.has_before = before;
	if (before)
		k.before = before->owner;
	if (g_hash_table_size(o->flows) >= FLOWS_MAX)
		g_hash_table_remove_all(o->flows);
	g_hash_table_add(o->flows, g_memdup2(&k, sizeof(k)));
	g_free(o->text);
	o->text = k.owner.pid ? describe(o, t->tap, &t->frame->owner)
			      : g_strdup("process: not known");
	if (!t->has_comment)
		memmove(t->comments + 1, t->comments, (*n)++ * sizeof(*t->comments));
	t->comments[0] = o->text;
	t->has_comment = true;
}

static void add_ids(const struct tap_frame *frame, struct pcapng_packet *packet)
{
	if (frame->mask & TAP_OWNED && frame->owner.pid)
		packet->mask |= PCAPNG_PACKET_PROCESS;
	packet->pid = frame->owner.pid;
	packet->tid = frame->owner.tid;
}

bool owners_add(const struct owners *o, uint16_t linktype, const struct tap_frame *frame,
		struct pcapng_packet *packet)
{
	const struct known k = read_frame(linktype, frame);

	if (is_worth_telling(o, &k))
		return false;
	add_ids(frame, packet);
	return true;
}

void owners_tell(struct owners *o, const struct tap *tap, uint16_t linktype,
		 const struct tap_frame *frame, struct pcapng_packet *packet,
		 const char *comments[])
{
	if (!o)
		return;
	add_ids(frame, packet);
	packet->options.comments = comments;
	o->telling = (struct telling){ tap, frame, packet, comments, linktype, false };
	tell(o);
}

/* What is not in the file was not told. */
void owners_told(struct owners *o, int r)
{
	struct known k;

	if (!o)
		return;
	k = read_frame(o->telling.linktype, o->telling.frame);
	if (r < 0 && o->telling.has_comment)
		g_hash_table_remove(o->flows, &k);
	o->telling.packet->options.n_comments = 0;
	o->telling = (struct telling){ .tap = NULL };
}

void owners_forget(struct owners *o)
{
	if (!o)
		return;
	g_hash_table_remove_all(o->flows);
	if (o->telling.frame)
		tell(o);
}
