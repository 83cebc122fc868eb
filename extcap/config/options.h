/* SPDX-License-Identifier: MIT */
/*
 * The configuration of a capture: struct config, and the table that gives the spelling, the range and
 * the help text of each field. Argument parsing, --help, Wireshark's dialog and --print-config all
 * follow from a row of that table.
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

/* The clock that stamps received frames; tcpdump's and dumpcap's names. */
enum time_stamp_type {
	TIME_STAMP_HOST,
	TIME_STAMP_ADAPTER, /* the NIC's PTP hardware clock (PHC), converted to host time */
};

enum format {
	FORMAT_PCAPNG,
	FORMAT_PCAP, /* nanosecond magic */
};

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
};

/* What to do on a full disk; the values of enum pcapng_full. */
enum disk_full {
	DISK_FULL_STOP,
	DISK_FULL_PRUNE,
	DISK_FULL_DROP,
};

/* Whether to bypass the page cache; the values of enum pcapng_direct_io. */
enum direct_io {
	DIRECT_IO_AUTO,
	DIRECT_IO_ON,
	DIRECT_IO_OFF,
};

/* The part of a file system to keep free: one of the two is set. */
struct free_space {
	uint64_t bytes;
	uint64_t percent;
};

struct config {
	GPtrArray *interfaces; /* of char *, at least one; the kernel's names */
	char *filter;	       /* pcap-filter(7); NULL: all frames */
	char *output;	       /* path of a file or FIFO, "-" for standard output */
	uint64_t snaplen;      /* bytes */
	uint64_t direction;    /* enum direction */
	uint64_t mode;	       /* enum tap_mode */
	uint64_t point;	       /* see options_point() */
	char *linktype;	    /* name of a data link type, as libpcap has it; NULL: whichever it is */
	char *program;	    /* to trace, by name or ID; NULL: the one on the interface */
	uint64_t at;	    /* enum point_at */
	uint64_t filter_at; /* enum point_at, but not both */
	uint64_t verdicts;  /* mask of 1 << XDP_…; 0: all */
	char *reasons;	    /* to capture drops for, separated by commas; NULL: not given */
	char *not_reasons;  /* not to capture them for */
	bool has_drops;	    /* drops beside the frames */
	bool is_promiscuous;
	bool has_process;	  /* frames name their process */
	GPtrArray *pids;	  /* of char *: capture only frames of these processes … */
	GPtrArray *process_names; /* … of these … */
	GPtrArray *uids;	  /* … of these users … */
	char *cgroup;		  /* … and of this control group; NULL: all */
	char *unit;		  /* … and of this systemd unit; NULL: all */
	bool has_children;	  /* and of their children */
	char *netns;		  /* name, path or PID; NULL: the current one */
	uint64_t buffer_mib;	  /* ring memory per CPU */
	uint64_t time_stamp_type; /* enum time_stamp_type */
	uint64_t format;	  /* enum format */
	uint64_t count;		  /* stop after this many frames; 0: never */
	struct limits stop;	  /* when the capture ends */
	struct limits rotate;	  /* when to switch files, and how many to keep */
	uint64_t keep_bytes;
	uint64_t keep_age_ns;
	struct free_space keep_free;
	uint64_t disk_full;   /* enum disk_full */
	uint64_t compression; /* enum compression */
	uint64_t queue_bytes; /* that may wait for the disk; 0: by the machine's memory */
	uint64_t direct_io;   /* enum direct_io */
	uint64_t sync_ns;     /* interval between syncs to disk; 0: left to the kernel */
	char *file_name;      /* of rotated files; see pcapng/files.h */
	bool is_for_group;    /* the group may read the files */
	char *post_rotate;    /* command for each finished file */
	char *user;	      /* user to switch to; NULL: none */
	char *stats_file;     /* path of the Prometheus text file */
	bool quiet;
	uint64_t log_level; /* enum log_level */
	char *tls_keylog;   /* NULL: no secrets */
	char *log_file;	    /* NULL: nothing is logged */
};

enum option_type {
	OPTION_FLAG,	/* bool: true if given */
	OPTION_NO,	/* bool: false if given, true otherwise */
	OPTION_SWITCH,	/* bool: "true" (the default) or "false" */
	OPTION_NUMBER,	/* uint64_t within min…max */
	OPTION_CHOICE,	/* uint64_t: index into choices */
	OPTION_SET,	/* uint64_t: a bit for each of the choices, separated by commas */
	OPTION_TEXT,	/* char * */
	OPTION_FILE,	/* char *: path of a file to write */
	OPTION_PROGRAM, /* char *: an XDP program on the interface; "auto" is NULL */
	OPTION_LIST,	/* GPtrArray of char *: repeatable */
	OPTION_SIZE,	/* uint64_t, bytes */
	OPTION_TIME,	/* uint64_t, nanoseconds */
	OPTION_FREE,	/* struct free_space */
	OPTION_STOP,	/* struct limits of -a: repeatable */
	OPTION_ROTATE,	/* struct limits of -b: repeatable */
};

#define OPTION_PROGRAM_AUTO "auto" /* the one that the interface calls first */

struct choice {
	const char *value;
	const char *display; /* for the dialog */
};

/* The front ends that accept the option. */
enum {
	OPTION_CLI = 1 << 0,	/* standalone */
	OPTION_DIALOG = 1 << 1, /* accepted from Wireshark, and offered if it has .display */
	OPTION_BOTH = OPTION_CLI | OPTION_DIALOG,
};

struct option {
	const char *name; /* long option without dashes */
	char letter;	  /* short option, 0: none */
	enum option_type type;
	unsigned int front_ends;
	size_t offset; /* in struct config */
	uint64_t min, max, fallback;
	const struct choice *choices; /* terminated by value NULL */
	const char *argument;	      /* what --help calls the value, in capitals */
	const char *display;	      /* label in the dialog; NULL: not offered */
	const char *help;  /* for --help and the tooltip: an imperative, 60 characters at most */
	const char *note;  /* added to the tooltip; NULL: none */
	const char *group; /* tab of the dialog; NULL: the first */
};

extern const struct option options[]; /* terminated by name NULL */

#define OPTIONS_MAX 56 /* rows, at most */

/* Sets every field to its default. options_done() frees what the fields own. */
void options_init(struct config *c);
void options_done(struct config *c);
/* Returns the GOption group that parses argv into *c and prints --help. */
GOptionGroup *options_group(struct config *c, unsigned int front_end);
/* Returns the capture point that --point names, for point_choose(); NULL: auto. */
const char *options_point(const struct config *c);
/* Makes --point what its value would. */
void options_set_point(struct config *c, const char *choice);
/* Returns the effective value as a user would type it; owned by the caller. */
char *options_value(const struct config *c, const struct option *o);

#endif
