/* SPDX-License-Identifier: MIT */
/* fixture.h - a writer with a sink in memory */
#ifndef TESTS_PCAPNG_FIXTURE_H
#define TESTS_PCAPNG_FIXTURE_H

#include <errno.h>

#include "tests/pcapng/sink.h"

struct fixture {
	struct sink sink;
	struct pcapng_writer *w;
};

/* The data of packets: zeros. */
extern uint8_t payload[300000];

/*
 * Creates a writer with an Ethernet interface and flushes it: 60 bytes. The config needs no size.
 */
void set_up_with(struct fixture *f, const struct pcapng_writer_config *config);
void set_up(struct fixture *f, gconstpointer data);
void tear_down(struct fixture *f, gconstpointer data);

/* Adds a packet of `caplen` bytes. */
int add(struct fixture *f, uint32_t caplen);

/* Adds statistics. */
int add_stats(struct fixture *f);

#define ADD(name, function) g_test_add("/" name, struct fixture, NULL, set_up, function, tear_down)

#endif /* TESTS_PCAPNG_FIXTURE_H */
