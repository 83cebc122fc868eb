/* SPDX-License-Identifier: MIT */
/*
 * recovery.c - recovers .part files in a thread of its own, beside the capture
 *
 *	files[]: [taken by the owner][done][the thread's][not started]
 *
 * `lock` guards the numbers of files that are done and taken; a file that is done is the owner's. The thread
 * opens each file again and does not trust the scan of the folder: another process may have recovered,
 * finished or replaced the file since. A locked .part is in use and stays.
 *
 * The largest files come last, so that a file that takes longer than every capture does not block the
 * others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/file/file.h"
#include "pcapng/file/recover.h"
#include "pcapng/folder/recovery.h"
#include "pcapng/folder/section.h"

struct recovery {
	int folder;
	char *program;
	struct recovery_file *files;
	size_t n, size;
	pthread_t thread;
	bool is_running; /* the thread exists */
	bool is_paused;	 /* it did, and will again */
	atomic_bool stop;
	pthread_mutex_t lock;
	size_t done, taken;
};

/* "cap.pcapng.part" to "cap-recovered.pcapng". False: too long, with room for a number. */
static bool recovered_name(const char *part, char out[NAME_MAX + 1])
{
	char name[NAME_MAX + 1];
	size_t stem;

	if (strlen(part) - strlen(".part") + strlen("-recovered-999") > NAME_MAX)
		return false;
	stpcpy(name, part);
	name[strlen(part) - strlen(".part")] = '\0';
	stem = file_stem(name);
	memcpy(out, name, stem);
	stpcpy(stpcpy(out + stem, "-recovered"), name + stem);
	return true;
}

/* Truncates a file that nobody writes. Keeps its time, because retention deletes by age. */
static int truncate_part(struct recovery *r, struct recovery_file *f, int fd)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;
	int error;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? EBUSY : errno;
	if (fstat(fd, &st) < 0)
		return errno;
	times[1] = st.st_mtim;
	f->time_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	error = -recover_fd(fd, &r->stop, &f->bytes);
	(void)futimens(fd, times);
	return error;
}

/* Returns an errno. A file that disappeared since the scan counts as in use. */
static int recover_part(struct recovery *r, struct recovery_file *f)
{
	int fd, error = EBUSY;

	if (!recovered_name(f->part, f->name))
		return ENAMETOOLONG;
	fd = section_open(r->folder, f->part, true);
	if (fd < 0)
		return fd == -ENOENT || fd == -EINVAL ? EBUSY : -fd;
	if (section_is_by(fd, r->program))
		error = truncate_part(r, f, fd);
	if (!error)
		error = -file_rename(r->folder, f->part, f->name);
	close(fd);
	return error == ENOENT ? EBUSY : error;
}

static void *run(void *user)
{
	struct recovery *r = user;

	for (size_t i = r->done; i < r->n && !atomic_load(&r->stop); i++) {
		int error = recover_part(r, &r->files[i]);

		if (error == EINTR)
			break;
		r->files[i].error = error;
		pthread_mutex_lock(&r->lock);
		r->done = i + 1;
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

int recovery_new(int folder, const char *program, struct recovery **ret)
{
	struct recovery *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->folder = folder;
	r->program = program ? strdup(program) : NULL;
	if (program && !r->program) {
		free(r);
		return -ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	*ret = r;
	return 0;
}

int recovery_add(struct recovery *r, const char *part, uint64_t bytes, int64_t time_ns)
{
	if (r->n == r->size) {
		size_t size = r->size ? 2 * r->size : 4;
		struct recovery_file *files = reallocarray(r->files, size, sizeof(*files));

		if (!files)
			return -ENOMEM;
		r->files = files;
		r->size = size;
	}
	r->files[r->n] = (struct recovery_file){
		.part_bytes = bytes, .bytes = bytes, .time_ns = time_ns, .error = EINTR
	};
	stpcpy(r->files[r->n++].part, part);
	return 0;
}

static int compare(const void *x, const void *y)
{
	const struct recovery_file *a = x, *b = y;

	if (a->part_bytes != b->part_bytes)
		return a->part_bytes < b->part_bytes ? -1 : 1;
	return strcmp(a->part, b->part);
}

/* Gives every file that is not done this error. */
static void end(struct recovery *r, int error)
{
	for (; r->done < r->n; r->done++)
		r->files[r->done].error = error;
}

/* Signals are for the program's own threads. */
static void start(struct recovery *r)
{
	sigset_t all, old;
	int error;

	qsort(r->files + r->done, r->n - r->done, sizeof(*r->files), compare);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	r->is_running = error == 0;
	if (error)
		end(r, error);
}

void recovery_start(struct recovery *r)
{
	if (!r->n)
		return;
	start(r);
}

const struct recovery_file *recovery_next(struct recovery *r)
{
	const struct recovery_file *next = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->taken < r->done)
		next = &r->files[r->taken++];
	pthread_mutex_unlock(&r->lock);
	return next;
}

bool recovery_is_active(struct recovery *r)
{
	bool is_active;

	pthread_mutex_lock(&r->lock);
	is_active = r->is_running ? r->taken < r->n : r->taken < r->done;
	pthread_mutex_unlock(&r->lock);
	return is_active;
}

void recovery_pause(struct recovery *r)
{
	if (!r->is_running)
		return;
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	r->is_running = false;
	r->is_paused = true;
}

void recovery_resume(struct recovery *r)
{
	if (!r->is_paused)
		return;
	r->is_paused = false;
	atomic_store(&r->stop, false);
	if (r->done < r->n)
		start(r);
}

/* True: deleted, because nobody writes it and it is still what the scan of the folder found. */
static bool delete_part(struct recovery *r, const struct recovery_file *f)
{
	int fd = section_open(r->folder, f->part, true);
	bool is_deleted;

	if (fd < 0)
		return false;
	is_deleted = section_is_by(fd, r->program) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		     unlinkat(r->folder, f->part, 0) == 0;
	close(fd);
	return is_deleted;
}

static int compare_time(const void *x, const void *y)
{
	const struct recovery_file *a = x, *b = y;

	return a->time_ns == b->time_ns ? 0 : a->time_ns < b->time_ns ? -1 : 1;
}

const struct recovery_file *recovery_discard(struct recovery *r)
{
	struct recovery_file f;
	size_t i;

	qsort(r->files + r->done, r->n - r->done, sizeof(*r->files), compare_time);
	for (i = r->done; i < r->n && !delete_part(r, &r->files[i]); i++)
		;
	if (i == r->n)
		return NULL;
	f = r->files[i];
	r->files[i] = r->files[r->done];
	r->files[r->done] = f;
	r->taken = r->done + 1;
	return &r->files[r->done++];
}

void recovery_stop(struct recovery *r)
{
	if (!r->is_running)
		return;
	recovery_pause(r);
	r->is_paused = false;
	end(r, EINTR);
}

void recovery_free(struct recovery *r)
{
	if (!r)
		return;
	recovery_stop(r);
	pthread_mutex_destroy(&r->lock);
	free(r->files);
	free(r->program);
	free(r);
}
