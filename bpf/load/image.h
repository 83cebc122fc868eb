/* SPDX-License-Identifier: MIT */
/*
 * Programs that are loaded many times: once for each interface, which differ in a few constants alone.
 *
 * libbpf takes an object apart, looks up the kernel's types and relocates the program; that takes longer
 * than the verifier. The result, an image, serves all interfaces with the same kind of program and the
 * same filter. Where nothing but their slots would differ, they share one program: see maps_allow_sharing().
 */
#ifndef XDPTAP_BPF_LOAD_IMAGE_H
#define XDPTAP_BPF_LOAD_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/filter/cbpf.h"

#define IMAGES_MAX 8 /* kept; of the others, the one that was used least recently goes */

struct bpf_object;
struct bpf_program;
struct image;
struct point_target;

struct images {
	struct image *list[IMAGES_MAX]; /* NULL: none */
	uint64_t uses;
};

/* An object that libbpf has opened and not loaded. */
struct image_object {
	void *skeleton;
	void (*destroy)(void *skeleton);
	struct bpf_object *object;
	struct bpf_program *program;
	size_t config_at; /* the offset of its struct wire_config in .rodata */
};

/* Programs of a kind differ in their filter, their struct wire_config and their device alone. */
struct image_kind {
	int (*open)(const struct image_kind *kind, struct image_object *ret); /* 0 or -errno */
	enum cbpf_access access;
	uint32_t flags; /* BPF_F_… that libbpf adds on its own */
	bool is_bound;	/* to its device */
};

/*
 * Loads a program of that kind for a target, or returns the one that others share: with config.is_shared, the
 * program does not know its slot. Returns its descriptor, which the caller closes, or -errno of
 * patch_filter() or BPF_PROG_LOAD.
 */
int images_load(struct images *images, const struct image_kind *kind, const struct point_target *t);
/* Frees all; programs that are attached stay. */
void images_done(struct images *images);

#endif
