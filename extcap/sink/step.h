/* SPDX-License-Identifier: MIT */
/*
 * Steps of the system clock back: told once each as they happen, and in the statistics of the file whose
 * time stamps are off and of the one where they are right again.
 */
#ifndef XDPTAP_EXTCAP_SINK_STEP_H
#define XDPTAP_EXTCAP_SINK_STEP_H

#include <stdint.h>

struct step {
	uint64_t told_ns;   /* how far time stamps are ahead, as far as it was told */
	uint64_t most_ns;   /* the most that they were ahead in this file */
	uint64_t before_ns; /* how far they were ahead when the file before this one ended */
};

/* Time stamps are ahead of the clock by that much now. */
void step_look(struct step *s, uint64_t ahead_ns);
/* A new file has begun, and time stamps went back by that much. */
void step_follow(struct step *s, uint64_t back_ns);
/* What a reader of this file needs to know about its times, owned by the caller; NULL: nothing. */
char *step_text(const struct step *s);

#endif
