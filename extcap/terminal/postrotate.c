/* SPDX-License-Identifier: MIT */
/* A queue in front of GLib's spawning functions. */
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "extcap/system/error.h"
#include "extcap/terminal/postrotate.h"

#define RUNNING_MAX 4  /* at once */
#define NICENESS    10 /* about that of tcpdump's -z: capturing comes first */

struct child {
	struct postrotate *owner;
	char *path;
	guint source; /* watches for its end */
};

static void child_free(struct child *child)
{
	child->owner->children = g_list_remove(child->owner->children, child);
	g_source_remove(child->source);
	g_free(child->path);
	g_free(child);
}

static void run_next(struct postrotate *p);

/* We may have more files open than select(2) can wait for; a command may rely on that it cannot. */
static void lower_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_cur, FD_SETSIZE);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Leaves the terminal's foreground group: Ctrl-C ends the capture, not its commands. */
static void set_up_child(void *unused)
{
	lower_descriptors();
	(void)setpgid(0, 0);
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
}

static void on_child_exit(GPid pid, int status, void *user)
{
	struct child *child = user;
	struct postrotate *p = child->owner;
	g_autoptr(GError) error = NULL;

	g_spawn_close_pid(pid);
	if (!g_spawn_check_wait_status(status, &error))
		p->failed(p->user, child->path, error->message);
	child_free(child);
	p->running--;
	run_next(p);
}

static bool spawn(struct postrotate *p, const char *path, GPid *ret_pid, GError **error)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) argv = NULL;

	g_strv_builder_addv(builder, (const char **)p->command);
	g_strv_builder_add(builder, path);
	argv = g_strv_builder_end(builder);
	return g_spawn_async(NULL, argv, NULL,
			     G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
				     G_SPAWN_STDOUT_TO_DEV_NULL,
			     set_up_child, NULL, ret_pid, error);
}

static void run_next(struct postrotate *p)
{
	while (p->running < RUNNING_MAX && !g_queue_is_empty(&p->waiting)) {
		g_autofree char *path = g_queue_pop_head(&p->waiting);
		g_autoptr(GError) error = NULL;
		struct child *child;
		GPid pid;

		if (!spawn(p, path, &pid, &error)) {
			p->failed(p->user, path, error->message);
			continue;
		}
		child = g_new0(struct child, 1);
		child->owner = p;
		child->path = g_steal_pointer(&path);
		p->running++;
		child->source = g_child_watch_add(pid, on_child_exit, child);
		p->children = g_list_prepend(p->children, child);
	}
}

bool postrotate_init(struct postrotate *p, const char *command, GError **error)
{
	g_autoptr(GError) wrong = NULL;

	g_queue_init(&p->waiting);
	if (!command || g_shell_parse_argv(command, NULL, &p->command, &wrong))
		return true;
	return fail_usage(error, "--post-rotate \"%s\": %s", command, wrong->message);
}

void postrotate_add(struct postrotate *p, const char *path)
{
	if (!p->command)
		return;
	g_queue_push_tail(&p->waiting, g_strdup(path));
	run_next(p);
}

void postrotate_wait(struct postrotate *p, const unsigned int *n_signals)
{
	const unsigned int enough = *n_signals ? 2 : 1;

	while (p->running && *n_signals < enough)
		g_main_context_iteration(NULL, true);
}

void postrotate_done(struct postrotate *p)
{
	while (p->children)
		child_free(p->children->data);
	g_queue_clear_full(&p->waiting, g_free);
	g_clear_pointer(&p->command, g_strfreev);
}
