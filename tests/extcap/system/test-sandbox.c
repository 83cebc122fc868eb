/* SPDX-License-Identifier: MIT */
/* Which system calls each kind of capture has left. Each case is a child, as there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extcap/system/sandbox.h"

/* Whether the call was made, whatever came of it. */
static bool is_made(long result)
{
	return result >= 0 || errno != ENOSYS;
}

static long bpf(unsigned int command)
{
	union bpf_attr attr = { .map_fd = UINT32_MAX };

	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static void *do_nothing(void *user)
{
	return user;
}

static long thread(void)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, do_nothing, NULL);

	errno = r;
	return r ? -1 : pthread_join(t, NULL);
}

static long executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static long child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

/* A frame sent on a packet socket: with its address, and after bind(2). */
static bool can_inject(void)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6 };
	const struct sockaddr *address = (const struct sockaddr *)&to;

	return is_made(sendto(-1, "", 1, 0, address, sizeof(to))) ||
	       is_made(bind(-1, address, sizeof(to)));
}

/* Typing into the terminal that started us, and changing an interface. */
static bool can_control(void)
{
	struct ifreq request = { 0 };

	return is_made(ioctl(-1, TIOCSTI, "x")) || is_made(ioctl(-1, TIOCLINUX, "\2")) ||
	       is_made(ioctl(-1, SIOCSIFFLAGS, &request));
}

/* What netlink requires. */
static bool can_netlink(void)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	const struct sockaddr *address = (const struct sockaddr *)&to;
	struct ifreq request = { 0 };

	return is_made(send(-1, "", 1, 0)) && is_made(sendto(-1, "", 1, 0, address, sizeof(to))) &&
	       is_made(bind(-1, address, sizeof(to))) && is_made(ioctl(-1, SIOCETHTOOL, &request));
}

/* Binds the longest and the shortest name of a lock on a filter at tc: see lock_handle() in clsact.c. */
static bool can_lock_filter(void)
{
	const char *const names[] = { "xdptap-clsact-made-4294967295-ingress-78647074",
				      "xdptap-clsact-1-egress-78647074" };
	bool is_allowed = true;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		size_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(names[i]);

		memcpy(name.sun_path + 1, names[i], strlen(names[i]));
		is_allowed = is_allowed &&
			     is_made(bind(-1, (struct sockaddr *)&name, (socklen_t)size));
	}
	return is_allowed;
}

/* Opens a file as musl does, or as glibc where there is no open(2). */
static bool can_open(int flags)
{
#ifdef SYS_open
	return is_made(syscall(SYS_open, "/nowhere", flags, 0600));
#else
	return is_made(syscall(SYS_openat, AT_FDCWD, "/nowhere", flags, 0600));
#endif
}

/* What libbpf 1.4 and later need to open an object. */
static bool can_reserve_descriptor(void)
{
	return is_made(syscall(SYS_memfd_create, "test", MFD_CLOEXEC)) &&
	       is_made(syscall(SYS_dup3, -1, -1, O_CLOEXEC)) &&
	       is_made(fcntl(-1, F_DUPFD_CLOEXEC, 3));
}

/* What it may do, as letters in this order. */
static unsigned int abilities(void)
{
	const bool made[] = {
		is_made(write(-1, "", 1)),
		is_made(open("/nowhere", O_RDONLY)),
		is_made(open("/nowhere", O_WRONLY)),
		is_made(open("/nowhere", O_RDONLY | O_CREAT, 0600)),
		is_made(rename("/nowhere", "/nowhere")),
		is_made(thread()),
		is_made(socket(AF_UNIX, SOCK_DGRAM, 0)),
		is_made(socket(AF_INET, SOCK_DGRAM, 0)),
		is_made(bpf(BPF_LINK_DETACH)) && is_made(bpf(BPF_MAP_UPDATE_ELEM)),
		is_made(bpf(BPF_PROG_LOAD)),
		is_made(executable_memory()),
		is_made(child()),
		is_made(execl("/nowhere", "nowhere", NULL)),
		is_made(ptrace(PTRACE_TRACEME)),
		can_inject(),
		can_control(),
		can_netlink(),
		can_open(O_RDONLY),
		can_open(O_WRONLY),
		can_open(O_RDONLY | O_CREAT),
		can_reserve_descriptor(),
		can_lock_filter(),
	};
	unsigned int bits = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
		bits |= made[i] ? 1U << i : 0;
	return bits;
}

static const char letters[] = "wocCrtuibBxfePjknOMNml";

static unsigned int bits_of(const char *able)
{
	unsigned int bits = 0;

	for (; *able; able++)
		bits |= 1U << (strchr(letters, *able) - letters);
	return bits;
}

static bool has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return is_made(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

static void check(unsigned int allowed, const char *able)
{
	unsigned int got = 0;
	int fds[2], status;
	pid_t pid;

#if defined(__SANITIZE_ADDRESS__) ||                                                               \
	defined(__SANITIZE_THREAD__) /* with which nothing is refused, see sandbox.c */
	able = letters;
#endif
	if (!has_seccomp()) {
		g_test_skip("this machine has no seccomp, as qemu-user");
		return;
	}
	g_assert_cmpint(pipe(fds), ==, 0);
	pid = fork();
	if (pid == 0) {
		g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L), ==, 0);
		sandbox_enter(allowed);
		got = abilities();
		_exit(write(fds[1], &got, sizeof(got)) != sizeof(got));
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(read(fds[0], &got, sizeof(got)), ==, sizeof(got));
	g_assert_cmphex(got, ==, bits_of(able));
	close(fds[0]);
	close(fds[1]);
}

static void test_pipe(void)
{
	check(0, "wb");
}

static void test_file(void)
{
	check(SANDBOX_READING, "wobtO");
}

static void test_set(void)
{
	check(SANDBOX_FILES, "wocCrtbOMN");
}

static void test_tc(void)
{
	check(SANDBOX_NETLINK, "wuibn");
}

static void test_filters(void)
{
	check(SANDBOX_FILTERS, "woctuibBxnOMml");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sandbox/pipe", test_pipe);
	g_test_add_func("/sandbox/file", test_file);
	g_test_add_func("/sandbox/set", test_set);
	g_test_add_func("/sandbox/tc", test_tc);
	g_test_add_func("/sandbox/filters", test_filters);
	return g_test_run();
}
