/* SPDX-License-Identifier: MIT */
/* Facts that hold as long as the kernel runs. */
#include <string.h>
#include <sys/utsname.h>

#include "bpf/facts.h"

bool facts_is_realtime(const char *version)
{
	/* kernel: init/Makefile, preempt-flag; "PREEMPT RT" in the patches for Linux 5.2 and older */
	return strstr(version, "PREEMPT_RT") || strstr(version, "PREEMPT RT");
}

bool facts_is_preemptible(void)
{
	struct utsname name;

	return uname(&name) < 0 || facts_is_realtime(name.version);
}
