/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of CPUs. Their numbers need not be contiguous: with hyper-threading switched off every
 * second one may be missing, and a CPU can be taken offline at any time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/rings/cpus.h"

#define ONLINE "/sys/devices/system/cpu/online"
#define LENGTH 4096 /* of the kernel's list, at most: a page */

/* One number of the list; moves *at to what follows it. */
static bool read_number(const char **at, unsigned long *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*ret = strtoul(*at, &end, 10);
	*at = end;
	return true;
}

int cpus_parse(const char *list, bool *is_listed, unsigned int n)
{
	unsigned long first, last;

	memset(is_listed, 0, n * sizeof(*is_listed));
	while (*list && *list != '\n') {
		if (!read_number(&list, &first))
			return -EINVAL;
		last = first;
		if (*list == '-' && (list++, !read_number(&list, &last)))
			return -EINVAL;
		for (unsigned long cpu = first; cpu <= last && cpu < n; cpu++)
			is_listed[cpu] = true;
		if (*list == ',')
			list++;
		else if (*list && *list != '\n')
			return -EINVAL;
	}
	return 0;
}

int cpus_online(bool *is_online, unsigned int n)
{
	FILE *f = fopen(ONLINE, "re");
	char list[LENGTH];
	int r = 0;

	if (!f)
		return -errno;
	if (!fgets(list, sizeof(list), f))
		r = -EIO;
	fclose(f);
	return r < 0 ? r : cpus_parse(list, is_online, n);
}

unsigned int cpus_assign(const bool *is_online, unsigned int n, unsigned int *ring_of)
{
	unsigned int rings = 0;

	for (unsigned int cpu = 0; cpu < n; cpu++)
		if (is_online[cpu])
			ring_of[cpu] = rings++;
	for (unsigned int cpu = 0; rings && cpu < n; cpu++)
		if (!is_online[cpu])
			ring_of[cpu] = cpu % rings;
	return rings;
}
