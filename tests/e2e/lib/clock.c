/* SPDX-License-Identifier: MIT */
/*
 * Preloaded, it moves the system clock of a process by the nanoseconds that a file holds, so that a test can
 * set a clock that is nobody else's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ns;
static int (*real)(clockid_t id, struct timespec *t);

/* Before the program's sandbox closes: GLib asks for the time as it is loaded, before any constructor of ours. */
static void begin(void)
{
	const char *path = getenv("FAKE_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, fd, 0);

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	offset_ns = p == MAP_FAILED ? NULL : p;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t ns;
	int r;

	if (!real)
		begin();
	r = real(id, t);
	if (r < 0 || !offset_ns || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return r;
	ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + *offset_ns;
	t->tv_sec = ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	ret->tv_sec = t.tv_sec;
	ret->tv_usec = t.tv_nsec / 1000;
	return 0;
}
