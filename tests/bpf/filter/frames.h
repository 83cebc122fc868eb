/* SPDX-License-Identifier: MIT */
/*
 * Frames of all the protocols that pcap-filter(7) knows, and ways to cut and change them. They come from
 * constants and a given random sequence: the same in every run.
 */
#ifndef XDPTAP_TESTS_BPF_FILTER_FRAMES_H
#define XDPTAP_TESTS_BPF_FILTER_FRAMES_H

#include <glib.h>

#define FRAME_MIN 14 /* BPF_PROG_TEST_RUN accepts none shorter */

/* Complete frames, one of each kind: an array of GByteArray*, owned. */
GPtrArray *frames_make(void);
/* Each of these, and cut at every length from FRAME_MIN to "until". */
GPtrArray *frames_cut(const GPtrArray *whole, guint until);
/* n of these, each with a few bytes changed. */
GPtrArray *frames_mutate(const GPtrArray *whole, GRand *random, guint n);
/* Frames of more than a page, which the kernel keeps in fragments. */
GPtrArray *frames_jumbo(const GPtrArray *whole);

#endif
