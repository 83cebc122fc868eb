/* SPDX-License-Identifier: MIT */
/*
 * libpcap offers no hook for its look-ups, but the dynamic linker does: the functions of this file come before the
 * C library's of the same name, which do the work.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <glib.h>
#include <netdb.h>
#include <string.h>

#include "extcap/net/resolver.h"

typedef int (*look_up_fn)(const char *node, const char *service, const struct addrinfo *hints,
			  struct addrinfo **ret);
typedef void (*free_fn)(struct addrinfo *list);

static GMutex mutex;	  /* for what follows */
static GHashTable *known; /* name -> struct addrinfo, as copy() makes it; never freed */
static bool is_closed;

static _Thread_local bool has_refused;

void resolver_close(void)
{
	g_mutex_lock(&mutex);
	is_closed = true;
	g_mutex_unlock(&mutex);
}

bool resolver_has_refused(void)
{
	bool has = has_refused;

	has_refused = false;
	return has;
}

static bool is_name(const char *node)
{
	unsigned char address[sizeof(struct in6_addr)];

	return node && inet_pton(AF_INET, node, address) != 1 &&
	       inet_pton(AF_INET6, node, address) != 1;
}

static struct addrinfo *copy_one(const struct addrinfo *from)
{
	struct addrinfo *to = g_memdup2(from, sizeof(*from));

	to->ai_addr = g_memdup2(from->ai_addr, from->ai_addrlen);
	to->ai_canonname = g_strdup(from->ai_canonname);
	to->ai_next = NULL;
	return to;
}

static struct addrinfo *copy(const struct addrinfo *list)
{
	struct addrinfo *first = NULL, **end = &first;

	for (; list; list = list->ai_next) {
		*end = copy_one(list);
		end = &(*end)->ai_next;
	}
	return first;
}

/* In the C library. */
static int look_up(const char *node, const char *service, const struct addrinfo *hints,
		   struct addrinfo **ret)
{
	look_up_fn theirs = (look_up_fn)dlsym(RTLD_NEXT, "getaddrinfo");
	free_fn free_theirs = (free_fn)dlsym(RTLD_NEXT, "freeaddrinfo");
	struct addrinfo *list;
	int r;

	if (!theirs || !free_theirs)
		return EAI_SYSTEM;
	r = theirs(node, service, hints, &list);
	if (r != 0)
		return r;
	*ret = copy(list);
	free_theirs(list);
	return 0;
}

/* A copy of what is known of a name, or NULL; *ret_is_closed: nothing else may become known. */
static struct addrinfo *remember(const char *node, bool *ret_is_closed)
{
	struct addrinfo *list;

	g_mutex_lock(&mutex);
	list = known ? copy(g_hash_table_lookup(known, node)) : NULL;
	*ret_is_closed = is_closed;
	g_mutex_unlock(&mutex);
	return list;
}

static void keep(const char *node, const struct addrinfo *list)
{
	g_mutex_lock(&mutex);
	if (!known)
		known = g_hash_table_new(g_str_hash, g_str_equal);
	if (!g_hash_table_contains(known, node))
		g_hash_table_insert(known, g_strdup(node), copy(list));
	g_mutex_unlock(&mutex);
}

/* libpcap asks for addresses of all families, always with the same hints and no service. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	bool closed;
	int r;

	if (!is_name(node))
		return look_up(node, service, hints, ret);
	*ret = remember(node, &closed);
	if (*ret)
		return 0;
	has_refused = closed;
	r = closed ? EAI_FAIL : look_up(node, service, hints, ret);
	if (r == 0)
		keep(node, *ret);
	return r;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		g_free(list->ai_addr);
		g_free(list->ai_canonname);
		g_free(list);
		list = next;
	}
}
