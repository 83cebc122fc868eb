/* SPDX-License-Identifier: MIT */
/*
 * What can be asked of a capture: struct config, and the one table that says how each of its fields
 * is spelled, bounded and explained. argv parsing, --help, the dialog in Wireshark and
 * --print-config all follow from a row of that table.
 */
#ifndef XDPTAP_EXTCAP_CONFIG_OPTIONS_H
#define XDPTAP_EXTCAP_CONFIG_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "extcap/config/limits.h"

enum direction {
	DIRECTION_IN,
	DIRECTION_OUT,
	DIRECTION_BOTH,
};

/* Whose clock a received frame's time is of; names as tcpdump and dumpcap have them. */
enum time_stamp_type {
	TIME_STAMP_HOST,
	TIME_STAMP_ADAPTER, /* the card's, translated to the host's */
};

enum format {
	FORMAT_PCAPNG,
	FORMAT_PCAP, /* with nanoseconds */
};

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
};

/* What a full disk means for files; as enum pcapng_full. */
enum disk_full {
	DISK_FULL_STOP,
	DISK_FULL_PRUNE,
	DISK_FULL_DROP,
};

/* How much of a file system is to stay free: one of the two. */
struct free_space {
	uint64_t bytes;
	uint64_t percent;
};

struct config {
	GPtrArray *interfaces; /* of char *, at least one; names as the kernel has them */
	char *filter;	       /* pcap-filter(7); NULL: all frames */
	char *output;	       /* path of a file or FIFO, "-" for standard output */
	uint64_t snaplen;      /* bytes */
	uint64_t direction;    /* enum direction */
	uint64_t mode;	       /* enum tap_mode */
	uint64_t point;	       /* see options_point() */
	char *program;	    /* which one to trace: its name or number; NULL: the interface's own */
	uint64_t at;	    /* enum point_at */
	uint64_t filter_at; /* enum point_at, but not both */
	uint64_t verdicts;  /* a bit for each that is wanted, XDP_… in value; 0: all */
	bool is_not_promiscuous;
	char *netns;		  /* name, path or process id; NULL: ours */
	uint64_t buffer_mib;	  /* ring memory per CPU */
	uint64_t time_stamp_type; /* enum time_stamp_type */
	uint64_t format;	  /* enum format */
	uint64_t count;		  /* stop after so many frames; 0: never */
	struct limits stop;	  /* when the capture ends */
	struct limits rotate;	  /* when a new file begins, and how many stay */
	uint64_t keep_bytes;
	uint64_t keep_age_ns;
	struct free_space keep_free;
	uint64_t disk_full;   /* enum disk_full */
	uint64_t compression; /* enum compression */
	uint64_t sync_ns;     /* files are put on the disk so often; 0: when the kernel likes */
	char *file_name;      /* of rotated files; see pcapng/files.h */
	bool is_for_group;    /* files may be read by their group */
	char *post_rotate;    /* command for each finished file */
	char *user;	      /* who the process becomes; NULL: nobody else */
	char *stats_file;     /* where a text file with counters is kept */
	bool quiet;
	uint64_t log_level; /* enum log_level */
	char *log_file;	    /* NULL: nothing is logged */
};

enum option_type {
	OPTION_FLAG,	/* bool: its presence says true */
	OPTION_NUMBER,	/* uint64_t within min…max */
	OPTION_CHOICE,	/* uint64_t: index into choices */
	OPTION_SET,	/* uint64_t: a bit for each of the choices, separated by commas */
	OPTION_TEXT,	/* char * */
	OPTION_FILE,	/* char *: a path to be written */
	OPTION_PROGRAM, /* char *: an XDP program on the interface, "auto" is NULL */
	OPTION_LIST,	/* GPtrArray of char *: repeatable */
	OPTION_SIZE,	/* uint64_t, bytes */
	OPTION_TIME,	/* uint64_t, nanoseconds */
	OPTION_FREE,	/* struct free_space */
	OPTION_STOP,	/* struct limits of -a: repeatable */
	OPTION_ROTATE,	/* struct limits of -b: repeatable */
};

#define OPTION_PROGRAM_AUTO "auto" /* the program that is there */

struct choice {
	const char *value;
	const char *display; /* for the dialog */
};

/* Which face takes the option. */
enum {
	OPTION_CLI = 1 << 0,	/* standalone */
	OPTION_DIALOG = 1 << 1, /* offered in Wireshark */
	OPTION_BOTH = OPTION_CLI | OPTION_DIALOG,
};

struct option {
	const char *name; /* long option without dashes */
	char letter;	  /* short option, 0: none */
	enum option_type type;
	unsigned int faces;
	size_t offset; /* in struct config */
	uint64_t min, max, fallback;
	const struct choice *choices; /* value NULL at the end */
	const char *argument;	      /* what --help calls the value, in capitals */
	const char *display;	      /* label in the dialog, without units twice */
	const char *help;	      /* --help and tooltip: one sentence without full stop */
	const char *group;	      /* tab in the dialog; NULL: the first one */
};

extern const struct option options[]; /* name NULL at the end */

#define OPTIONS_MAX 40 /* rows, at most */

/* Sets every default. options_done() frees what the fields own. */
void options_init(struct config *c);
void options_done(struct config *c);
/* The option group from which GOption parses argv into *c and prints --help. */
GOptionGroup *options_group(struct config *c, unsigned int face);
/* The capture point that --point names, as point_choose() has it; NULL: auto. */
const char *options_point(const struct config *c);
/* The value in effect, as it would be typed; owned by the caller. */
char *options_value(const struct config *c, const struct option *o);

#endif
