/* SPDX-License-Identifier: MIT */
/* Capture filters: pcap-filter(7) expressions, as libpcap compiles them. */
#ifndef XDPTAP_EXTCAP_CAPTURE_FILTER_H
#define XDPTAP_EXTCAP_CAPTURE_FILTER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct sock_filter;

/*
 * A compiled filter. It is compiled once for each linktype and netmask, and shared by reference: the
 * capture, its interfaces and a reconfiguration all hold the same one.
 */
struct filter {
	char *expression;	   /* as typed; NULL: none, all frames match */
	struct sock_filter *insns; /* classic BPF; NULL: all frames match */
	size_t n;		   /* instructions */
	int linktype;		   /* of the frames that it judges */
	bool needs_netmask;	   /* has "ip broadcast" in it */
	uint32_t netmask;	   /* then: which one */
	GPtrArray *others; /* of struct filter *: the same for other interfaces; NULL: none */
	char *why;	   /* the expression is no filter for such frames; NULL: it is one */
};

/* Frames that a filter judges; ifindex 0: of no particular interface. */
struct filter_place {
	int linktype;
	unsigned int ifindex;
	bool may_reject; /* where the expression makes no sense, as filter_for_any() has it */
};

/*
 * Compiles an expression (NULL or empty: all frames match) for a LINK_LINKTYPE_ and the netmask of an interface
 * (0: unknown). An expression that rejects all packets is a valid filter. NULL with *error where libpcap
 * refuses the expression or the kernel could not run the result.
 */
struct filter *filter_new(const char *expression, int linktype, unsigned int ifindex,
			  GError **error);
/* The same expression for another interface; it is compiled, as by filter_new(), only if it must be. */
struct filter *filter_for(struct filter *f, int linktype, unsigned int ifindex, GError **error);
/* Whether filter_for() has the answer without compiling anything. */
bool filter_has(const struct filter *f, int linktype, unsigned int ifindex);
/*
 * Lets filter_for() of f know what filter_compile() made of the same expression for one place; NULL: nothing, and
 * filter_for() fails with the sentence "why".
 */
void filter_adopt(struct filter *f, struct filter *made, const struct filter_place *place,
		  const char *why);
/* The same, and the filter that rejects all frames where the expression makes no sense. */
struct filter *filter_for_any(struct filter *f, int linktype, unsigned int ifindex);
/*
 * Compiles an expression in a thread of its own, first for any Ethernet interface, and for the n places
 * as well: libpcap needs minutes for a thousand hosts, and as long as a name server needs for a name. The
 * main loop calls fn, once, unless filter_abandon() comes first. fn owns the filter; NULL: the sentence says
 * why.
 */
struct filter_job;
typedef void (*filter_compiled_fn)(void *user, struct filter *f, const char *why);
struct filter_job *filter_compile(const char *expression, const struct filter_place *places,
				  size_t n, filter_compiled_fn fn, void *user);
/*
 * Before fn was called: it will not be, and the job is no longer the caller's. Its thread ends when libpcap
 * returns. NULL is fine.
 */
void filter_abandon(struct filter_job *job);
/*
 * Compiles an expression (NULL: none) for any Ethernet interface, and runs the main loop meanwhile. NULL with *error if
 * it is no filter; without, once *is_stopped.
 */
struct filter *filter_await(const char *expression, const bool *is_stopped, GError **error);
/* The filter that rejects all frames. */
struct filter *filter_new_reject_all(void);
struct filter *filter_ref(struct filter *f);
/* Drops a reference; NULL is fine. */
void filter_unref(struct filter *f);
static inline void filter_unrefp(struct filter **f)
{
	filter_unref(*f);
}
/*
 * Prints what the kernel runs at the XDP hook of an interface as eBPF, or, with is_classic, what libpcap
 * compiled, as tcpdump -d does. Prints nothing for a filter without instructions.
 */
void filter_print(FILE *to, const struct filter *f, unsigned int ifindex, bool is_classic);
/* Prints libpcap's names for a LINK_LINKTYPE_, as -L of tcpdump and dumpcap does. */
void filter_list_dlt(FILE *to, int linktype);
/* Whether libpcap has a data link type of that name, and whether it is the one of a LINK_LINKTYPE_. */
bool filter_knows_dlt(const char *name);
bool filter_is_dlt(const char *name, int linktype);
/* Prints libpcap's number and names for a LINK_LINKTYPE_ as the answer to --extcap-dlts. */
void filter_print_dlt(FILE *to, int linktype);

/*
 * An expression as an option of a file can hold it, cut if need be; owned by the caller, NULL for NULL.
 */
char *filter_text(const char *expression);

#endif
