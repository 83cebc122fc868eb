/* SPDX-License-Identifier: MIT */
/*
 * Capabilities and the user. Once the programs are attached, a capture has no capability, cannot regain
 * one (not by executing a program either), and cannot make most system calls. There are exceptions,
 * each only where it is needed:
 *
 *	replacing a filter during a capture		cap_net_admin, cap_bpf, cap_perfmon: permitted
 *							throughout, effective only meanwhile
 *	a ring for a CPU that comes online		cap_bpf: in the same way
 *	detaching a tc program before Linux 6.6		cap_net_admin
 *	root creates files in another user's folder	cap_dac_override
 *	Linux 5.18, for each bpf(2)			cap_bpf
 *
 * The user's commands (--post-rotate) run with the rights that we were started with, or those of --user.
 * A process that runs them has no capability either, but may execute programs.
 *
 * Two plain system calls replace libcap-ng, which would be one more library.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "extcap/system/error.h"
#include "extcap/system/privileges.h"
#include "extcap/system/sandbox.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define LOADS		(BIT(CAP_NET_ADMIN) | BIT(CAP_BPF) | BIT(CAP_PERFMON))

struct sets {
	uint64_t effective, permitted; /* none is inheritable */
};

/* What privileges_drop() left this process. */
static struct {
	bool is_dropped;
	struct sets sets;
} left;

static struct sets sets_get(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	(void)syscall(SYS_capget, &header, data);
	return (struct sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
	};
}

/* Returns false with errno set. */
static bool sets_put(struct sets s)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)s.effective, .permitted = (uint32_t)s.permitted },
		{ .effective = (uint32_t)(s.effective >> 32),
		  .permitted = (uint32_t)(s.permitted >> 32) },
	};

	return syscall(SYS_capset, &header, data) == 0;
}

char *privileges_missing(void)
{
	static const struct {
		int number;
		const char *name;
	} wanted[] = { { CAP_NET_ADMIN, "cap_net_admin" },
		       { CAP_BPF, "cap_bpf" },
		       { CAP_PERFMON, "cap_perfmon" } };
	uint64_t effective = sets_get().effective;
	char *text = NULL;

	for (size_t i = G_N_ELEMENTS(wanted); i-- > 0;) {
		g_autofree char *rest = text;

		if (effective & BIT(wanted[i].number))
			text = g_steal_pointer(&rest);
		else if (rest)
			text = g_strconcat(wanted[i].name, strchr(rest, ' ') ? ", " : " and ", rest,
					   NULL);
		else
			text = g_strdup(wanted[i].name);
	}
	return text;
}

bool privileges_are_withheld(void)
{
	struct vfs_ns_cap_data file = { 0 };
	uint64_t given;

	if (getxattr("/proc/self/exe", "security.capability", &file, sizeof(file)) < 0)
		return false;
	given = GUINT32_FROM_LE(file.data[0].permitted) |
		(uint64_t)GUINT32_FROM_LE(file.data[1].permitted) << 32;
	return given & ~sets_get().permitted;
}

bool privileges_check_user(const char *user, GError **error)
{
	if (!getpwnam(user))
		return fail_usage(error, "there is no user \"%s\"", user);
	if (geteuid() != 0)
		return fail_usage(error, "only root can become another user (--user \"%s\")", user);
	return true;
}

bool privileges_become(const char *user, GError **error)
{
	const struct passwd *p = getpwnam(user);
	struct sets s = sets_get();

	if (!p)
		return fail_usage(error, "there is no user \"%s\"", user);
	s.effective = s.permitted & BIT(CAP_NET_ADMIN);
	if (prctl(PR_SET_KEEPCAPS, 1L) < 0 || initgroups(user, p->pw_gid) < 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0 || !sets_put(s))
		return fail_errno(error, errno, "cannot become user \"%s\"", user);
	return true;
}

/*
 * Programs executed from now on get nothing either. Only root can empty the bounding set, and only
 * root's matters: no_new_privs disables the capabilities and the set-user-ID bit of a file.
 */
static bool forbid_new_ones(void)
{
	struct sets s = sets_get();

	s.effective = s.permitted;
	(void)sets_put(s); /* after --user not all of them are */
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++)
		(void)prctl(PR_CAPBSET_DROP, c);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0;
}

/* Whether root, without its override of file permissions, cannot write to the folder of this file. */
static bool is_foreign(const char *path)
{
	g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;

	return folder && geteuid() == 0 && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0;
}

/* Files created from now on, not the one that is open. */
static bool is_any_foreign(const struct privileges_need *need)
{
	bool found = false;

	for (size_t i = 0; i < G_N_ELEMENTS(need->paths) && !found; i++)
		found = is_foreign(need->paths[i]);
	return found;
}

static uint64_t needed_sometimes(const struct privileges_need *need)
{
	return need->replaces_filters ? LOADS : need->adds_rings ? BIT(CAP_BPF) : 0;
}

/* Whether reading counters requires a privilege; later kernels require one only for loading. */
static bool bpf_is_privileged(void)
{
	union bpf_attr attr = { .map_fd = UINT32_MAX };

	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) < 0 && errno == EPERM;
}

static unsigned int sandbox_of(const struct privileges_need *need)
{
	return (need->is_pipe && !need->reads_files ? 0 : SANDBOX_READING) |
	       (need->makes_files ? SANDBOX_FILES : 0) |
	       (need->asks_netlink || need->detaches_tc ? SANDBOX_NETLINK : 0) |
	       (need->replaces_filters ? SANDBOX_FILTERS : 0) |
	       (need->adds_rings ? SANDBOX_RINGS : 0);
}

/* Call it when no capability is effective. */
static uint64_t needed_always(const struct privileges_need *need)
{
	uint64_t needed = need->detaches_tc ? BIT(CAP_NET_ADMIN) : 0;

	if (is_any_foreign(need))
		needed |= BIT(CAP_DAC_OVERRIDE);
	if (bpf_is_privileged())
		needed |= BIT(CAP_BPF);
	return needed;
}

static void log_kept(uint64_t capabilities)
{
	static const struct {
		unsigned long number;
		const char *name;
	} known[] = { { CAP_DAC_OVERRIDE, "cap_dac_override" },
		      { CAP_NET_ADMIN, "cap_net_admin" },
		      { CAP_BPF, "cap_bpf" },
		      { CAP_PERFMON, "cap_perfmon" } };
	g_autoptr(GString) names = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (capabilities & BIT(known[i].number))
			g_string_append_printf(names, "%s%s", names->len ? ", " : "",
					       known[i].name);
	g_info("capabilities kept: %s", names->len ? names->str : "none");
}

bool privileges_drop(const struct privileges_need *need, GError **error)
{
	struct sets s = { .permitted = sets_get().permitted };
	bool is_sealed = !need->runs_commands; /* the commands would be so, too */

	if ((is_sealed && !forbid_new_ones()) || !sets_put(s))
		return fail_errno(error, errno, "cannot give up privileges");
	s.effective = s.permitted & needed_always(need);
	s.permitted &= s.effective | needed_sometimes(need);
	if (!sets_put(s))
		return fail_errno(error, errno, "cannot give up privileges");
	left.sets = s;
	left.is_dropped = true;
	log_kept(s.permitted);
	if (is_sealed)
		sandbox_enter(sandbox_of(need));
	return true;
}

bool privileges_keep_net_admin(void)
{
	const struct sets s = { .effective = BIT(CAP_NET_ADMIN), .permitted = BIT(CAP_NET_ADMIN) };

	return forbid_new_ones() && sets_put(s);
}

/* Whether some capabilities are effective only at times. */
static bool has_sometimes(void)
{
	return left.is_dropped && left.sets.permitted != left.sets.effective;
}

void privileges_raise(void)
{
	struct sets s = left.sets;

	s.effective |= s.permitted & LOADS;
	if (has_sometimes())
		(void)sets_put(s);
}

bool privileges_can_ask(void)
{
	return left.is_dropped && left.sets.permitted & BIT(CAP_NET_ADMIN);
}

void privileges_lower(void)
{
	if (has_sometimes())
		(void)sets_put(left.sets);
}
