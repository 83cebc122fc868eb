/* SPDX-License-Identifier: MIT */
/*
 * The file has some hundred thousand lines; those of functions are kept. Read at once, because later,
 * in the sandbox, no file can be opened.
 */
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "extcap/drops/symbols.h"

struct symbol {
	uint64_t address;
	const char *name; /* in "text" */
};

static char *text;
static GArray *symbols; /* of struct symbol, by address */

/* "ffffffff81000000 T _stext", and for a module "\t[name]" after it. Changes the line. */
static void add_line(char *line)
{
	char *end;
	struct symbol s = { .address = g_ascii_strtoull(line, &end, 16) };

	if (!s.address || *end != ' ' || !strchr("tTwW", end[1]) || end[2] != ' ')
		return;
	s.name = end + 3;
	end[3 + strcspn(s.name, "\t\n")] = '\0';
	g_array_append_val(symbols, s);
}

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

void symbols_load(void)
{
	if (symbols)
		return;
	symbols = g_array_new(false, false, sizeof(struct symbol));
	if (!g_file_get_contents("/proc/kallsyms", &text, NULL, NULL))
		return;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		add_line(line);
	}
	g_array_sort(symbols, compare);
}

/* The address follows the call: where that is a function's last instruction, it is in the next one. */
const char *symbols_find(uint64_t return_address)
{
	guint low = 0, high = symbols ? symbols->len : 0;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(symbols, struct symbol, middle).address < return_address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? g_array_index(symbols, struct symbol, low - 1).name : NULL;
}
