/* SPDX-License-Identifier: MIT */
#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf/xdptap/journal.h"

static pthread_mutex_t under_way = PTHREAD_MUTEX_INITIALIZER;
static libbpf_print_fn_t before; /* the application's, or libbpf's own */
static _Thread_local struct journal *current;

static int __attribute__((format(printf, 2, 0)))
listen(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (!current)
		return before ? before(level, format, args) : 0;
	if (!current->log || level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	current->log(current->user, text); /* all of it: the end of the verifier's log matters */
	free(text);
	return 0;
}

void journal_enter(struct journal *j)
{
	(void)pthread_mutex_lock(&under_way);
	current = j;
	before = libbpf_set_print(listen);
}

void journal_leave(void)
{
	(void)libbpf_set_print(before);
	current = NULL;
	(void)pthread_mutex_unlock(&under_way);
}

void journal_say(const struct journal *j, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	if (!j->log)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	n = n < (int)sizeof(text) - 1 ? n : (int)sizeof(text) - 2;
	text[n] = '\n';
	text[n + 1] = 0;
	j->log(j->user, text);
}

int journal_fail(struct journal *j, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(j->error.text, sizeof(j->error.text), format, args);
	va_end(args);
	j->error.code = code;
	return code;
}

struct journal *journal_of_thread(void)
{
	static _Thread_local struct journal own;

	return &own;
}
