/* SPDX-License-Identifier: MIT */
/*
 * What tap.c and the capture points tell each other, and nobody else sees: the target that a point
 * gets, and the part of an attached program's state that all points have.
 */
#ifndef XDPTAP_BPF_POINT_LINK_H
#define XDPTAP_BPF_POINT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/point.h"
#include "bpf/wire.h"

struct images;
struct maps;
struct sock_filter;

struct point_target {
	unsigned int ifindex;
	enum tap_mode mode;
	struct wire_config config;
	const struct maps *maps;	  /* outlive the link */
	struct images *images;		  /* as these do: programs loaded before */
	const struct sock_filter *filter; /* classic BPF: which frames to capture; NULL: all */
	size_t n_filter;
	bool is_stamped;	  /* only with the NIC's time stamps */
	enum tap_begin begin;	  /* as in tap.h; for tc and drop */
	struct point_trace trace; /* for a point that traces */
	struct point_drop drop;	  /* for the point "drop"; of the tap's first place there */
};

/* The first member of the struct that a point allocates in attach(). */
struct point_link {
	enum tap_mode mode;   /* native or generic, as attached; auto if that means nothing */
	unsigned int n_slots; /* counters it fills, from config.slot on */
	/* Known after detach(), for each of its slots: */
	uint64_t missed;     /* frames that the program did not get to see */
	uint64_t unfinished; /* frames that it counted as seen, and then lost track of */
};

#endif
