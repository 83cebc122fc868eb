/* SPDX-License-Identifier: MIT */
/* A link that fills two slots is in both; the first one owns it. */
#include <errno.h>
#include <stdlib.h>

#include "bpf/filter/cbpf-bind.h"
#include "bpf/load/slots.h"

#define MOST 2 /* slots of one link */

/* Room for those of another link. */
static int make_room(struct slots *s)
{
	struct attached *grown;

	if (s->n + MOST > s->max)
		return -ENOSPC;
	grown = realloc(s->list, (s->n + MOST) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->list = grown;
	return 0;
}

/* Gives the next slots to what is attached. Returns the first of them. */
static int add(struct slots *s, struct attached new)
{
	new.owner = s->n;
	for (uint32_t n = 0; n < new.link->n_slots; n++)
		s->list[s->n++] = new;
	return (int)new.owner;
}

/* What the filter asks about the place is answered here. 0 or -ENOMEM; unbind_filter() must follow. */
static int bind_filter(struct point_target *t, const struct point *point,
		       const struct sock_filter *filter, size_t n)
{
	const struct cbpf_place place = { t->ifindex, point->is_egress };

	t->filter = NULL;
	t->n_filter = n;
	if (!filter)
		return 0;
	t->filter = cbpf_bind(filter, n, &place);
	return t->filter ? 0 : -ENOMEM;
}

static void unbind_filter(struct point_target *t)
{
	free((struct sock_filter *)t->filter);
	t->filter = NULL;
}

int slots_attach(struct slots *s, const struct point *point, const struct point_target *target,
		 const struct clock *phc)
{
	struct attached new = { .point = point, .target = *target, .phc = *phc };
	int r = make_room(s);

	if (r < 0)
		return r;
	new.target.config.slot = s->n;
	r = bind_filter(&new.target, point, target->filter, target->n_filter);
	if (r == 0)
		r = point->attach(&new.target, &new.link);
	unbind_filter(&new.target);
	if (r < 0)
		return r;
	new.target.drop = (struct point_drop){ 0 };
	return add(s, new);
}

/* The program that a slot belongs to; NULL: it is closed. */
static struct attached *find_owner(const struct slots *s, uint32_t slot)
{
	struct attached *a = slot < s->n ? &s->list[s->list[slot].owner] : NULL;

	return a && a->link && !s->is_detached ? a : NULL;
}

/* Exchanges the program for one with this filter and slot. */
static int exchange(const struct attached *a, const struct sock_filter *filter, size_t n,
		    uint16_t generation, uint32_t slot)
{
	struct point_target target = a->target;
	int r = bind_filter(&target, a->point, filter, n);

	target.config.generation = generation;
	target.config.slot = slot;
	if (r == 0)
		r = a->point->replace(&target, a->link);
	unbind_filter(&target);
	return r;
}

int slots_replace(struct slots *s, uint32_t slot, const struct sock_filter *filter, size_t n,
		  uint16_t generation)
{
	const struct attached *a = find_owner(s, slot);

	return a ? exchange(a, filter, n, generation, a->owner) : -EINVAL;
}

/* Closes the slots of a link, which may go on elsewhere. */
static void close_slots(struct attached *owner)
{
	struct point_link *link = owner->link;

	for (struct attached *a = owner; a < owner + link->n_slots; a++) {
		a->closed = *link;
		a->link = NULL;
		a->target.ifindex = 0;
		a->target.is_stamped = false; /* records still need the clock, but as it is */
	}
}

int slots_move(struct slots *s, uint32_t slot, const struct sock_filter *filter, size_t n,
	       uint16_t generation)
{
	int r = find_owner(s, slot) ? make_room(s) : -EINVAL;
	struct attached *a, new;

	if (r < 0)
		return r;
	a = find_owner(s, slot); /* perhaps in new memory */
	r = exchange(a, filter, n, generation, s->n);
	if (r < 0)
		return r;
	new = *a;
	new.account = (struct account){ 0 };
	new.target.config.slot = s->n;
	close_slots(a);
	new.link->missed = new.link->unfinished = 0; /* from now on */
	(void)add(s, new);
	return 0;
}

static void free_link(struct attached *owner)
{
	struct point_link *link = owner->link;
	struct clock phc = owner->phc;

	close_slots(owner);
	owner->point->free(link);
	clock_done(&phc);
}

void slots_close(struct slots *s, uint32_t slot)
{
	struct attached *a = find_owner(s, slot);

	if (!a)
		return;
	a->point->detach(a->link);
	free_link(a);
}

bool slots_detach(struct slots *s)
{
	bool any = !s->is_detached && s->n;

	/* The last one first: who made a qdisc for all of them removes it when it is empty. */
	for (uint32_t i = s->n; any && i-- > 0;)
		if (s->list[i].link && s->list[i].owner == i)
			s->list[i].point->detach(s->list[i].link);
	s->is_detached = true;
	return any;
}

void slots_abandon(struct slots *s)
{
	s->is_detached = true;
}

void slots_free_links(struct slots *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->list[i].link)
			free_link(&s->list[i]);
}

void slots_done(struct slots *s)
{
	slots_free_links(s);
	free(s->list);
	*s = (struct slots){ 0 };
}
