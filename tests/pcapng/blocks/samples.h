/* SPDX-License-Identifier: MIT */
/* samples.h - captures that are written the same way each time: the golden files */
#ifndef TESTS_PCAPNG_BLOCKS_SAMPLES_H
#define TESTS_PCAPNG_BLOCKS_SAMPLES_H

#include "pcapng/writer.h"

struct sample {
	const char *name; /* golden/NAME.pcapng */
	const struct pcapng_section *section;
	void (*write)(
		struct pcapng_writer *w); /* everything but the section header, without flush */
};

/* Ends with a NULL name. */
extern const struct sample samples[];

#endif /* TESTS_PCAPNG_BLOCKS_SAMPLES_H */
