/* SPDX-License-Identifier: MIT */
/*
 * A seccomp filter made of the rows of rules[]: which system call, for which kind of capture, and with
 * which value of one argument. What no row allows fails with ENOSYS. It is not fatal, on purpose: an
 * attacker in this process gets no further either way, but a future C library, which tries a new system
 * call first, falls back to the old one instead of ending a capture that has run for months.
 * The kernel logs each such call (audit type 1326, with its number); xdptap.1 says how to read that.
 *
 * The rows are what glibc and musl call, and libbpf from 1.1 on (1.1, 1.5 and 1.7 were tried). clone3 is not among them: its
 * flags are out of reach here, and with ENOSYS both use clone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "extcap/system/sandbox.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0 /* an architecture whose system calls were not reviewed: no filter */
#endif

/* The sanitizers look for leaks at exit and start a thread, with system calls that nothing else needs. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHERWISE SECCOMP_RET_ALLOW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHERWISE SECCOMP_RET_ALLOW
#endif
#endif
#ifndef OTHERWISE
#define OTHERWISE (SECCOMP_RET_ERRNO | ENOSYS)
#endif

/* The captures that a rule applies to; 0: all of them. */
enum {
	READING = SANDBOX_READING | SANDBOX_FILES | SANDBOX_FILTERS,
	FILES = SANDBOX_FILES,
	QUEUE = SANDBOX_READING | SANDBOX_FILES, /* and a thread that writes it to disk */
	THREADS = QUEUE | SANDBOX_FILTERS,	 /* one compiles a filter */
	NETLINK = SANDBOX_NETLINK,
	FILTERS = SANDBOX_FILTERS,
	RINGS = SANDBOX_RINGS,
};

struct rule {
	int number;
	unsigned int whom;
	/* The low half of this argument, masked, must equal this; a mask of 0 accepts anything. */
	unsigned int argument;
	uint32_t mask, value;
};

#define ALL_BITS UINT32_MAX

/* Frequent calls come first. */
static const struct rule rules[] = {
	{ SYS_write },
	{ SYS_writev },
	{ SYS_ppoll },
	{ SYS_epoll_pwait },
#ifdef SYS_poll
	{ SYS_poll },
#endif
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait },
#endif
	{ SYS_read },
	{ SYS_clock_gettime },
	{ SYS_clock_nanosleep },
	{ SYS_gettimeofday },
	{ SYS_nanosleep },
	{ SYS_restart_syscall },
	{ SYS_futex },
	{ SYS_rt_sigreturn },
	{ SYS_rt_sigprocmask },
	{ SYS_rt_sigaction },
	{ SYS_membarrier },
	{ SYS_getrandom },
	{ SYS_getpid },
	{ SYS_gettid },
	{ SYS_exit },
	{ SYS_exit_group },

	{ SYS_brk },
	{ SYS_munmap },
	{ SYS_mremap },
	{ SYS_madvise },
	{ SYS_mmap, 0, 2, PROT_EXEC, 0 },
	{ SYS_mprotect, 0, 2, PROT_EXEC, 0 },

	{ SYS_recvfrom }, /* the netlink socket that watches the interfaces */
	/*
	 * To the service manager and to netlink: no address, or netlink's of 12 bytes. A packet socket's
	 * has 20, so nobody can send a frame on the one that keeps promiscuous mode.
	 */
	{ SYS_sendto, 0, 5, ~(uint32_t)15, 0 },
	{ SYS_recvmsg },
	{ SYS_close },
	{ SYS_fstat },
	{ SYS_newfstatat },
	{ SYS_statx },
	{ SYS_lseek },
	{ SYS_fcntl },
	{ SYS_ftruncate },

	{ SYS_bpf, 0, 0, ALL_BITS, BPF_MAP_LOOKUP_ELEM },
	{ SYS_bpf, 0, 0, ALL_BITS, BPF_MAP_UPDATE_ELEM }, /* see maps_synchronize() */
	{ SYS_bpf, 0, 0, ALL_BITS, BPF_LINK_DETACH },
	{ SYS_bpf, 0, 0, ALL_BITS, BPF_OBJ_GET_INFO_BY_FD },

	{ SYS_bpf, RINGS, 0, ALL_BITS, BPF_MAP_CREATE },
	{ SYS_epoll_ctl, RINGS },
	{ SYS_capset, FILTERS | RINGS },

	{ SYS_openat, READING | FILTERS, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	/* the pipe to the toolbar, which opens only after Wireshark has opened it */
	{ SYS_openat, FILTERS, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_WRONLY },
#ifdef SYS_open /* musl */
	{ SYS_open, READING | FILTERS, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SYS_open, FILTERS, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_WRONLY },
	{ SYS_open, FILES },
	{ SYS_stat, READING },
	{ SYS_lstat, READING },
#endif
	{ SYS_pread64, READING },

	{ SYS_openat, FILES },
	{ SYS_fsync, FILES },
	{ SYS_fdatasync, QUEUE },
	{ SYS_sync_file_range, QUEUE },
	{ SYS_fallocate, FILES },
	{ SYS_fadvise64, QUEUE },
	{ SYS_pwrite64, QUEUE },
	{ SYS_flock, FILES },
	{ SYS_fchmod, FILES },
	{ SYS_geteuid, FILES }, /* to compare with the owner of a file or link */
	{ SYS_utimensat, FILES },
	{ SYS_getdents64, FILES | FILTERS },
	{ SYS_statfs, FILES },
	{ SYS_fstatfs, QUEUE },
	{ SYS_faccessat, FILES | FILTERS },
	{ SYS_faccessat2, FILES | FILTERS },
	{ SYS_readlinkat, FILES | FILTERS },
	{ SYS_renameat2, FILES },
	{ SYS_linkat, FILES },
	{ SYS_unlinkat, FILES },
#ifdef SYS_renameat
	{ SYS_renameat, FILES },
#endif
#ifdef SYS_rename
	{ SYS_rename, FILES },
	{ SYS_link, FILES },
	{ SYS_unlink, FILES },
	{ SYS_access, FILES | FILTERS },
	{ SYS_readlink, FILES | FILTERS },
#endif
	{ SYS_dup, FILES },
	{ SYS_ioctl, FILES | FILTERS, 1, ALL_BITS, TCGETS },
	{ SYS_ioctl, 0, 1, ALL_BITS, TIOCGWINSZ },
	{ SYS_ioctl, 0, 1, ALL_BITS, FIONREAD }, /* of a pipe, or of an answer to a look-up */
	{ SYS_getcwd, FILES },
	{ SYS_sched_yield, THREADS },
	{ SYS_sched_getaffinity, THREADS },
	{ SYS_set_robust_list, THREADS },
#ifdef SYS_rseq
	{ SYS_rseq, THREADS },
#endif
	{ SYS_setpriority, FILES },
	{ SYS_clone, THREADS, 0, CLONE_THREAD, CLONE_THREAD },
	{ SYS_prctl, THREADS, 0, ALL_BITS, PR_SET_NAME }, /* GLib names its threads */

	{ SYS_bpf, NETLINK, 0, ALL_BITS, BPF_MAP_GET_NEXT_KEY }, /* see tap_read_addresses() */
	{ SYS_bpf, NETLINK, 0, ALL_BITS, BPF_MAP_DELETE_ELEM },
	{ SYS_socket, NETLINK | FILTERS },
	{ SYS_ioctl, NETLINK | FILTERS, 1, ALL_BITS, SIOCETHTOOL },
	{ SYS_ioctl, NETLINK | FILTERS, 1, ALL_BITS, SIOCGIFINDEX },
	{ SYS_ioctl, NETLINK | FILTERS, 1, ALL_BITS, SIOCGIFNAME },
	{ SYS_ioctl, NETLINK | FILTERS, 1, ALL_BITS, SIOCGIFADDR }, /* pcap_lookupnet() */
	{ SYS_ioctl, NETLINK | FILTERS, 1, ALL_BITS, SIOCGIFNETMASK },
	{ SYS_bind, NETLINK | FILTERS, 2, ALL_BITS, sizeof(struct sockaddr_nl) },
	{ SYS_bind, FILTERS, 2, ~(uint32_t)31, 32 }, /* the locks of clsact.c: 34 to 49 bytes */
	{ SYS_getsockname, NETLINK | FILTERS },
	{ SYS_getsockopt, NETLINK | FILTERS },
	{ SYS_setsockopt, NETLINK | FILTERS },
	{ SYS_connect, FILTERS },
	{ SYS_sendmsg, FILTERS },

	/* libbpf opens an object: from 1.4 on, a file in memory keeps the number of each map's descriptor */
	{ SYS_bpf, FILTERS },
	{ SYS_memfd_create, FILTERS },
	{ SYS_prlimit64, FILTERS },
	{ SYS_uname, FILTERS },
	{ SYS_mmap, FILTERS }, /* the C library loads its look-ups of names */
	{ SYS_mprotect, FILTERS },
	{ SYS_sendmmsg, FILTERS },
	{ SYS_getpeername, FILTERS },
	{ SYS_getuid, FILTERS },
	{ SYS_geteuid, FILTERS },
	{ SYS_dup3, FILTERS },
};

#define INSNS_OF_RULE 6
#define INSNS_MAX     (4 + G_N_ELEMENTS(rules) * INSNS_OF_RULE + 1)

struct program {
	struct sock_filter insns[INSNS_MAX];
	unsigned short n;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	g_assert(p->n < INSNS_MAX);
	p->insns[p->n++] = (struct sock_filter)BPF_JUMP(code, k, if_true, if_false);
}

static void load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void finish(struct program *p, uint32_t result)
{
	add(p, BPF_RET | BPF_K, result, 0, 0);
}

static size_t offset_of_argument(unsigned int n)
{
	size_t offset = offsetof(struct seccomp_data, args) + n * sizeof(uint64_t);

	return G_BYTE_ORDER == G_BIG_ENDIAN ? offset + sizeof(uint32_t) : offset;
}

/* The accumulator holds the system call number, before and after. */
static void add_rule(struct program *p, const struct rule *r)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->number, 0, r->mask ? 5 : 1);
	if (r->mask) {
		load(p, offset_of_argument(r->argument));
		add(p, BPF_ALU | BPF_AND | BPF_K, r->mask, 0, 0);
		add(p, BPF_JMP | BPF_JEQ | BPF_K, r->value, 0, 1);
	}
	finish(p, SECCOMP_RET_ALLOW);
	if (r->mask)
		load(p, offsetof(struct seccomp_data, nr));
}

static void make(struct program *p, unsigned int whom)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	finish(p, SECCOMP_RET_KILL_PROCESS); /* calls of another architecture's numbers */
	load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (!rules[i].whom || rules[i].whom & whom)
			add_rule(p, &rules[i]);
	finish(p, OTHERWISE);
}

void sandbox_enter(unsigned int allowed)
{
	/* SPEC_ALLOW: we run no foreign code, so mitigations would only slow us down. */
	const unsigned long flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
				    SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	struct program p = { .n = 0 };
	struct sock_fprog filter = { .filter = p.insns };

	make(&p, allowed);
	filter.len = p.n;
	if (!ARCH || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) != 0)
		g_warning("no filter for system calls: %s", g_strerror(ARCH ? errno : ENOSYS));
}
