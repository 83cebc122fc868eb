/* SPDX-License-Identifier: MIT */
/*
 * The runner and we share a socket pair. A byte of ours starts the command, a second one ends it; the answer is the
 * status. If the runner sees the end of the stream before the first byte, nothing was started.
 *
 * The runner removes the key log that was made for the command, however we end.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extcap/net/netns.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/system/gsource.h"
#include "extcap/terminal/command.h"

#define LINGER_MS 500 /* for what the other side still sends */
#define NOT_FOUND 127 /* as shells say */
#define NOT_RUN	  126
#define BY_SIGNAL 128
#define ROOT	  0
#define KEYLOG	  "keys"

/* The user who called us. */
struct caller {
	uid_t uid;
	gid_t gid;
	bool is_other; /* than we are */
};

static bool read_id(const char *name, unsigned int *ret)
{
	const char *text = getenv(name);
	guint64 id;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &id, NULL))
		return false;
	*ret = (unsigned int)id;
	return true;
}

/* Also through sudo(8), which tells who that is. */
static struct caller find_caller(const struct config *config)
{
	const struct passwd *p = config->user ? getpwnam(config->user) : NULL;
	struct caller caller = { getuid(), getgid(),
				 getuid() != geteuid() || getgid() != getegid() };

	if (p)
		return (struct caller){ p->pw_uid, p->pw_gid, true };
	if (getuid() == ROOT && read_id("SUDO_UID", &caller.uid) &&
	    read_id("SUDO_GID", &caller.gid))
		caller.is_other = true;
	return caller;
}

static void remove_keylog(const char *path)
{
	g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;

	if (!path)
		return;
	(void)unlink(path);
	(void)rmdir(folder);
}

/* Returns the name of a new, empty file that only the caller can read, in a folder of its own; NULL: errno. */
static char *make_keylog(const struct caller *caller)
{
	g_autofree char *folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	g_autofree char *path = folder ? g_build_filename(folder, KEYLOG, NULL) : NULL;
	_cleanup_(close_fdp) int fd =
		path ? open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600) : -1;
	int err;

	if (fd >= 0 && (!caller->is_other || (fchown(fd, caller->uid, caller->gid) == 0 &&
					      chown(folder, caller->uid, caller->gid) == 0)))
		return g_steal_pointer(&path);
	err = errno;
	remove_keylog(path);
	errno = err;
	return NULL;
}

static bool become(const struct caller *caller)
{
	const struct passwd *p = getpwuid(caller->uid);

	if (!caller->is_other)
		return true;
	if (geteuid() == ROOT && (p ? initgroups(p->pw_name, caller->gid) : setgroups(0, NULL)) < 0)
		return false;
	return setresgid(caller->gid, caller->gid, caller->gid) == 0 &&
	       setresuid(caller->uid, caller->uid, caller->uid) == 0;
}

static G_GNUC_NORETURN void execute(char **argv, const char *keylog)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGCHLD };
	sigset_t none;
	int err;

	for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
		signal(ignored[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (keylog)
		setenv("SSLKEYLOGFILE", keylog, 1);
	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "xdptap: cannot run \"%s\": %s\n", argv[0], g_strerror(err));
	_exit(err == ENOENT ? NOT_FOUND : NOT_RUN);
}

static void ignore(int number)
{
	(void)number; /* it ends ppoll() */
}

/* Returns the status of the child, and passes on the order to end it. */
static int wait_for(pid_t child, int fd)
{
	struct pollfd order = { .fd = fd, .events = POLLIN };
	int status = 0;
	sigset_t open;
	char byte;

	sigemptyset(&open);
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (ppoll(&order, 1, NULL, &open) <= 0)
			continue;
		if (read(fd, &byte, 1) == 1)
			kill(child, SIGTERM);
		else
			order.fd = -1; /* xdptap is gone: the command is not */
	}
	return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What a terminal sends goes to the command and to xdptap, and not to the runner. */
static int run(char **argv, int fd, const char *keylog)
{
	sigset_t blocked;
	pid_t child;

	for (int number = SIGHUP; number <= SIGQUIT; number++)
		signal(number, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, ignore);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	child = fork();
	if (child == 0)
		execute(argv, keylog);
	return child < 0 ? NOT_RUN : wait_for(child, fd);
}

/* "keylog" is the one that was made for it; NULL: the user's, or none. */
static G_GNUC_NORETURN void be_runner(char **argv, int fd, const struct config *config,
				      const struct caller *caller, const char *keylog)
{
	int status = NOT_RUN;
	char byte;

	if ((!config->netns || netns_enter(config->netns, NULL)) && become(caller) &&
	    read(fd, &byte, 1) == 1)
		status = run(argv, fd, keylog ? keylog : config->tls_keylog);
	remove_keylog(keylog);
	(void)!write(fd, &status, sizeof(status));
	_exit(0);
}

/* False: errno. */
static bool start_runner(struct command *c, const struct config *config,
			 const struct caller *caller, const char *keylog)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return false;
	c->runner = fork();
	err = errno;
	if (c->runner == 0) {
		close(fds[0]);
		be_runner(c->argv, fds[1], config, caller, keylog);
	}
	close(fds[1]);
	if (c->runner < 0) {
		close(fds[0]);
		c->runner = 0;
		errno = err;
		return false;
	}
	c->fd = fds[0];
	return true;
}

bool command_new(struct command *c, char **argv, struct config *config, GError **error)
{
	const struct caller caller = find_caller(config);
	g_autofree char *keylog = NULL;

	*c = (struct command){ .argv = argv, .fd = -1 };
	if (!config->tls_keylog && config->format == FORMAT_PCAPNG) {
		keylog = make_keylog(&caller);
		if (!keylog)
			return fail_errno(error, errno, "cannot make a TLS key log");
	}
	if (!start_runner(c, config, &caller, keylog)) {
		int err = errno;

		remove_keylog(keylog);
		return fail_errno(error, err, "cannot start a command");
	}
	g_ptr_array_add(config->pids, g_strdup_printf("%d", (int)c->runner));
	config->has_children = true;
	if (keylog)
		config->tls_keylog = g_steal_pointer(&keylog);
	return true;
}

static gboolean on_lingered(void *user)
{
	struct command *c = user;

	gsource_set_ms(c->linger, -1);
	c->end();
	return G_SOURCE_CONTINUE;
}

static gboolean on_over(void *user)
{
	struct command *c = user;
	ssize_t n = read(c->fd, &c->status, sizeof(c->status));

	if (n < 0 && errno == EINTR)
		return G_SOURCE_CONTINUE;
	if (n != sizeof(c->status))
		c->status = NOT_RUN; /* somebody has killed the runner */
	c->is_over = true;
	g_clear_pointer(&c->over, g_source_destroy);
	gsource_set_ms(c->linger, LINGER_MS);
	return G_SOURCE_CONTINUE;
}

void command_start(struct command *c, void (*end)(void))
{
	if (!c->runner)
		return;
	c->end = end;
	c->over = gsource_add_reader(on_over, c, c->fd);
	c->linger = gsource_add(on_lingered, c);
	(void)!write(c->fd, "", 1);
}

/* Until there were so many signals. */
static void wait_until_over(struct command *c, const unsigned int *n_signals, unsigned int enough)
{
	while (!c->is_over && *n_signals < enough)
		g_main_context_iteration(NULL, true);
}

void command_wait(struct command *c, const unsigned int *n_signals)
{
	const unsigned int enough = *n_signals ? 2 : 1;

	if (!c->runner || !c->over)
		return;
	wait_until_over(c, n_signals, enough);
	if (c->is_over)
		return;
	(void)!write(c->fd, "", 1);
	wait_until_over(c, n_signals, enough + 1);
}

void command_done(struct command *c)
{
	g_clear_pointer(&c->over, g_source_destroy);
	g_clear_pointer(&c->linger, g_source_destroy);
	if (c->runner)
		close_fdp(&c->fd);
}
