/* SPDX-License-Identifier: MIT */
/*
 * pcapng/writer.h - writes pcapng, the capture file format of Wireshark and tcpdump
 *
 *	r = pcapng_writer_new(&section, NULL, output, user, &w);
 *	r = pcapng_writer_add_interface(w, &(struct pcapng_interface){ .linktype = 1, ... }, &id);
 *	r = pcapng_writer_add_packet(w, &(struct pcapng_packet){ .interface = id, ... });
 *	r = pcapng_writer_flush(w);
 *	pcapng_writer_free(w);
 *
 * The writer turns structs into blocks and passes them to one function of the caller, the output. It
 * opens nothing, prints nothing and knows no files.
 *
 * Values: zero or NULL means absent. Where 0 is a value, a bit in `mask` marks it as present. Strings
 * are UTF-8 and end with NUL, which is not written. The call copies text, addresses and numbers;
 * packet data may be referenced until the next flush, see pcapng_writer_add_packet().
 *
 * Returns: 0 or a negative errno.
 *   -EINVAL  the draft or the profile forbids it. Nothing was written; the writer is unchanged.
 *   -EAGAIN  the output accepts nothing now and the buffer is full. Nothing was added.
 *   -ENOMEM  nothing was added.
 *   other    the error of the output. It is sticky: every later call returns it, because the output
 *            may have stopped within a block. pcapng_writer_restart() starts over.
 * pcapng_writer_error() says where and why, in words.
 *
 * Threads: only one thread at a time may use a writer; different writers share nothing.
 *
 * Systems: Linux, with glibc or musl.
 *
 * Binary compatibility: a program built with these headers runs with every later library of the same
 * soname. Functions, constants and members keep their names, types, values and offsets. A release
 * only adds to them:
 *   - A configuration struct starts with `size`, which the caller sets to the size of the struct:
 *
 *	struct pcapng_writer_config config = { .size = sizeof(config), .buffer_size = 65536 };
 *
 *     New members are appended. Those that an older program lacks are zero. A newer program must not
 *     set a member that the library lacks: -E2BIG. If `size` is not set: -EINVAL.
 *   - A struct that becomes a block has `mask`. New members are appended, and each gets a bit in
 *     `mask`. The library reads them only if the bit is set, which an older program never does. It
 *     refuses unknown bits with -EINVAL. These structs have no size: the writer tests the mask of
 *     every packet anyway, so the promise costs nothing per packet. Zero the whole struct first, as
 *     designated initializers do.
 *   - A struct that the library creates (pcapng_files_event) grows at its end: do not copy it.
 *   - pcapng_error, pcapng_options and the elements of lists never change.
 *   - A function has the symbol version of the release that added it; the first ones have
 *     PCAPNG_WRITER_0.1. A program that calls it does not start with an older library.
 */
#ifndef PCAPNG_WRITER_H
#define PCAPNG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "pcapng/format.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* the library hides everything else */

/* The version of these headers; pcapng_writer_version() is that of the library at run time. */
#define PCAPNG_WRITER_VERSION_MAJOR 0
#define PCAPNG_WRITER_VERSION_MINOR 2
#define PCAPNG_WRITER_VERSION_MICRO 0

/* True if these headers are of that version or a later one. Also for #if. */
#define PCAPNG_WRITER_CHECK_VERSION(major, minor, micro)                                           \
	(PCAPNG_WRITER_VERSION_MAJOR > (major) ||                                                  \
	 (PCAPNG_WRITER_VERSION_MAJOR == (major) &&                                                \
	  (PCAPNG_WRITER_VERSION_MINOR > (minor) ||                                                \
	   (PCAPNG_WRITER_VERSION_MINOR == (minor) && PCAPNG_WRITER_VERSION_MICRO >= (micro)))))

struct pcapng_writer;

/*
 * The output: writes the bytes at `iov` in order (`iovcnt` is 1 to 1024, no entry is empty).
 *
 * Returns the number of bytes it accepted, as write(2) does. It may stop anywhere; the rest is
 * offered again. 0 or -EAGAIN: it accepts nothing now. -EINTR: it is called again at once. Any
 * other -errno is sticky.
 */
typedef ssize_t (*pcapng_output_fn)(void *user, const struct iovec *iov, int iovcnt);

/* What the writer enforces beyond the draft. A profile refuses with -EINVAL, except as noted. */
enum pcapng_profile {
	PCAPNG_PROFILE_STRICT,	/* the draft alone */
	PCAPNG_PROFILE_LIBPCAP, /* readable by libpcap: every interface has the link type and snaplen
	                             of the first (0 counts as 262144), no second LINKTYPE_RAW, no
	                             if_tsresol finer than 10^-19 or 2^-63, one byte order, an SHB
	                             of at most 1 MiB, blocks of at most 16 MiB */
	PCAPNG_PROFILE_LIVE_PIPE, /* readable by dumpcap from a pipe: native byte order, an SHB of
	                             at most 2048 bytes, blocks of at most 262144; packets are
	                             truncated (caplen, not len) to fit */
};

/* Byte order of a section. */
enum pcapng_order {
	PCAPNG_ORDER_NATIVE,
	PCAPNG_ORDER_LITTLE,
	PCAPNG_ORDER_BIG,
};

/* The last failure, see pcapng_writer_error(). */
struct pcapng_error {
	int code;	     /* the return value of the call; 0: no failure yet */
	uint32_t block_type; /* PCAPNG_BLOCK_ of the refused block; 0: the output failed */
	uint64_t offset;     /* of the failure, in bytes since the start or restart */
	char text[128];	     /* "EPB: epb_flags: reserved bits are set" */
};

struct pcapng_writer_config { /* all zero but size: defaults */
	size_t size;	      /* sizeof(struct pcapng_writer_config) */
	enum pcapng_profile profile;
	size_t buffer_size; /* bytes buffered for the output; 0: 1 MiB. A sixteenth is reserved
	                       for blocks other than packets, so that statistics fit after a full
	                       backlog. A block larger than the buffer enlarges it */
	size_t copy_below;  /* packet fragments below this many bytes are copied, larger ones
	                       referenced until flush; 0: 2048, SIZE_MAX: copy all */
	struct pcapng_error *error; /* borrowed, written only if pcapng_writer_new() fails */
};

/* Any option by its code. The length of known ones is checked. `value` is in section order. */
struct pcapng_option {
	uint16_t code;
	uint16_t len; /* octets, without padding */
	const void *value;
};

/* [pcapng §section_custom_option] A vendor's own option. */
struct pcapng_custom_option {
	uint32_t pen; /* IANA Private Enterprise Number */
	bool string;  /* UTF-8, else octets */
	bool no_copy; /* programs that rewrite the file should drop it */
	const void *data;
	size_t len; /* octets, at most 65531; 0 for a string: up to its NUL */
};

/* Options that every block can have. */
struct pcapng_options {
	const char *const *comments;
	size_t n_comments;
	const struct pcapng_custom_option *custom;
	size_t n_custom;
	const struct pcapng_option *extra;
	size_t n_extra;
};

/* [pcapng §section_shb] Section Header Block: where and how the capture was made. */
struct pcapng_section {
	const char *hardware; /* of the machine: "x86_64" */
	const char *os;	      /* "Linux 6.1" */
	const char *userappl; /* the program and its version */
	enum pcapng_order order;
	uint32_t mask; /* 0: no bits yet */
	struct pcapng_options options;
};

/* An instruction of classic BPF, laid out as struct bpf_insn and struct sock_filter. */
struct pcapng_bpf_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* [pcapng §section_idb] Interface Description Block. */
#define PCAPNG_INTERFACE_FCSLEN (1u << 0)

struct pcapng_interface {
	uint16_t linktype; /* LINKTYPE_, 1: Ethernet */
	uint32_t snaplen;  /* bytes; 0: no limit. No packet may be longer */
	uint8_t tsresol;   /* unit of timestamps: n: 10^-n s, PCAPNG_TSRESOL_BINARY(n): 2^-n s;
	                      0: nanoseconds. Seconds are PCAPNG_TSRESOL_BINARY(0) */
	uint32_t mask;	   /* PCAPNG_INTERFACE_ */
	const char *name;
	const char *description;
	const uint8_t (*ipv4)[8]; /* address, netmask; in network byte order */
	size_t n_ipv4;
	const uint8_t (*ipv6)[17]; /* address, prefix length 0 to 128 */
	size_t n_ipv6;
	const uint8_t *mac; /* 6 bytes */
	const uint8_t *eui; /* 8 bytes */
	uint64_t speed_bps; /* of both directions; or, if they differ: */
	uint64_t txspeed_bps;
	uint64_t rxspeed_bps;
	const char *filter; /* pcap-filter(7) text; or its bytecode: */
	const struct pcapng_bpf_insn *filter_bpf;
	size_t n_filter_bpf; /* at most 8191 */
	const char *os;
	uint8_t fcslen_bits; /* FCSLEN: bits of the frame check sequence in the data */
	int64_t tsoffset;    /* seconds to add to each timestamp */
	const char *hardware;
	const char *tzname; /* "Europe/Berlin" */
	struct pcapng_options options;
};

/* epb_verdict: what happened to the packet. */
struct pcapng_verdict {
	uint8_t kind;	  /* PCAPNG_VERDICT_ */
	uint64_t value;	  /* EBPF_TC: TC_ACT_, EBPF_XDP: XDP_ */
	const void *data; /* HARDWARE: octets */
	size_t len;
};

/* epb_hash: a hash of the packet. */
struct pcapng_hash {
	uint8_t algorithm; /* PCAPNG_HASH_ */
	const void *data;  /* as written to the file */
	size_t len;	   /* octets; checked if the algorithm has a fixed length */
};

/*
 * [pcapng §section_epb] Enhanced Packet Block. A loop can initialize one struct and change the
 * members that differ between packets: zeroing it costs as much as writing a small packet. Bits of
 * `mask`:
 */
#define PCAPNG_PACKET_FLAGS	(1u << 0)
#define PCAPNG_PACKET_DROPCOUNT (1u << 1)
#define PCAPNG_PACKET_PACKETID	(1u << 2)
#define PCAPNG_PACKET_QUEUE	(1u << 3)
#define PCAPNG_PACKET_PROCESS	(1u << 4)

struct pcapng_packet {
	uint32_t interface;	   /* id from pcapng_writer_add_interface() */
	uint32_t len;		   /* bytes on the wire, at least the captured ones */
	uint64_t ts;		   /* since 1970-01-01 UTC, in units of the interface */
	const void *data;	   /* captured data, if contiguous, */
	uint32_t caplen;	   /* and its length in bytes; */
	uint32_t mask;		   /* PCAPNG_PACKET_ */
	const struct iovec *frags; /* or as fragments; then data is NULL and caplen 0 */
	size_t n_frags;
	uint32_t flags;	    /* FLAGS: PCAPNG_FLAG_ */
	uint32_t queue;	    /* QUEUE: receive queue */
	uint64_t dropcount; /* DROPCOUNT: packets lost since the previous one of the interface */
	uint64_t packetid;  /* PACKETID: the same packet has the same id on all interfaces */
	uint32_t pid, tid;  /* PROCESS: 0: unknown */
	const struct pcapng_verdict *verdicts;
	size_t n_verdicts;
	const struct pcapng_hash *hashes;
	size_t n_hashes;
	struct pcapng_options options;
};

/* [pcapng §section_isb] Interface Statistics Block. Bits of `mask`: */
#define PCAPNG_STATS_STARTTIME	  (1u << 0)
#define PCAPNG_STATS_ENDTIME	  (1u << 1)
#define PCAPNG_STATS_IFRECV	  (1u << 2)
#define PCAPNG_STATS_IFDROP	  (1u << 3)
#define PCAPNG_STATS_FILTERACCEPT (1u << 4)
#define PCAPNG_STATS_OSDROP	  (1u << 5)
#define PCAPNG_STATS_USRDELIV	  (1u << 6)

struct pcapng_stats {
	uint32_t interface;
	uint32_t mask;	    /* PCAPNG_STATS_ */
	uint64_t ts;	    /* when the counters were read; times are in units of the interface */
	uint64_t starttime; /* of the capture */
	uint64_t endtime;
	uint64_t ifrecv; /* packets since the start of the capture: received by the interface */
	uint64_t ifdrop; /* dropped by the interface */
	uint64_t filteraccept;
	uint64_t osdrop;   /* dropped between the filter and the program */
	uint64_t usrdeliv; /* delivered to the program */
	struct pcapng_options options;
};

/* An entry of a Name Resolution Block. */
struct pcapng_name {
	uint16_t type;		  /* PCAPNG_NRB_ */
	const uint8_t *address;	  /* 4, 16, 6 or 8 bytes by type */
	const char *const *names; /* at least one, none empty */
	size_t n_names;
};

/* [pcapng §section_nrb] Name Resolution Block. */
struct pcapng_names {
	bool keep;     /* repeat the block after every pcapng_writer_restart() */
	uint32_t mask; /* 0: no bits yet */
	const struct pcapng_name *records;
	size_t n_records;
	const char *dnsname;	/* of the DNS server */
	const uint8_t *dns_ip4; /* 4 bytes */
	const uint8_t *dns_ip6; /* 16 bytes */
	struct pcapng_options options;
};

/* [pcapng §section_dsb] Decryption Secrets Block. Add it before the packets that it decrypts. */
struct pcapng_secrets {
	bool keep;     /* repeat the block after every pcapng_writer_restart() */
	uint32_t type; /* PCAPNG_SECRETS_ */
	const void *data;
	uint32_t len;
	uint32_t mask; /* 0: no bits yet */
	struct pcapng_options options;
};

/* [pcapng §section_custom_block] Custom Block. Wireshark shows each as a numbered record. */
struct pcapng_custom {
	uint32_t pen; /* IANA Private Enterprise Number */
	bool no_copy; /* programs that rewrite the file should drop it */
	const void *data;
	uint32_t len;
	uint32_t mask; /* 0: no bits yet */
	struct pcapng_options options;
};

/*
 * Starts a capture: buffers a Section Header Block of `section` (NULL: no options) for the output.
 *
 * `config` (NULL: defaults) is read during the call; `user` is passed to `output`. Free the writer
 * with pcapng_writer_free(). *ret is untouched on failure. -E2BIG, and -EINVAL for config->size:
 * see the top of this file; then *config->error is untouched, too.
 */
int pcapng_writer_new(const struct pcapng_section *section,
		      const struct pcapng_writer_config *config, pcapng_output_fn output,
		      void *user, struct pcapng_writer **ret);

/* Frees `w` (NULL: no-op). Does not flush: only pcapng_writer_flush() can report a failure. */
void pcapng_writer_free(struct pcapng_writer *w);

/* Adds an Interface Description Block. *ret_id (may be NULL) is its id: 0, 1, 2, ... */
int pcapng_writer_add_interface(struct pcapng_writer *w, const struct pcapng_interface *interface,
				uint32_t *ret_id);

/*
 * Adds an Enhanced Packet Block.
 *
 * The writer references fragments of config.copy_below bytes or more. They must not change until
 * the next pcapng_writer_flush() returns, whatever it returns. On -EAGAIN nothing of the packet is
 * kept; the caller counts a loss, or flushes and tries again.
 */
int pcapng_writer_add_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

/*
 * Adds several: the same as pcapng_writer_add_packet() for each, at less cost. Returns how many of the
 * first ones were added, or why the first was not. If that is fewer than `n`, call it again with
 * the rest. 0 only for no packets.
 */
ssize_t pcapng_writer_add_packets(struct pcapng_writer *w, const struct pcapng_packet *packets,
				  size_t n);

/*
 * Returns the number of bytes that pcapng_writer_add_packet() would add, or -EINVAL. Adds nothing.
 */
ssize_t pcapng_writer_size_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

/*
 * Adds a Simple Packet Block: no time, no options, interface 0. Of `packet` only data (or frags),
 * caplen and len are used; everything else must be 0. caplen must be what the format implies: the
 * smaller of len and the snaplen of interface 0. Data is referenced as in
 * pcapng_writer_add_packet().
 */
int pcapng_writer_add_simple_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

/* Adds an Interface Statistics Block; usually one per interface at the end of each file. */
int pcapng_writer_add_stats(struct pcapng_writer *w, const struct pcapng_stats *stats);

/* Adds a Name Resolution Block. */
int pcapng_writer_add_names(struct pcapng_writer *w, const struct pcapng_names *names);

/* Adds a Decryption Secrets Block. */
int pcapng_writer_add_secrets(struct pcapng_writer *w, const struct pcapng_secrets *secrets);

/*
 * Adds a systemd Journal Export Block: `len` bytes, one entry in systemd's Journal Export Format,
 * which must have a __REALTIME_TIMESTAMP= field.
 */
int pcapng_writer_add_journal(struct pcapng_writer *w, const void *entry, size_t len);

/* Adds a Custom Block. */
int pcapng_writer_add_custom(struct pcapng_writer *w, const struct pcapng_custom *custom);

/*
 * Adds a block of any other type: `len` bytes between its two lengths, padded with zeros to a
 * multiple of 4. The function refuses types that have a function of their own, type 0 and the
 * obsolete Packet Block.
 */
int pcapng_writer_add_raw(struct pcapng_writer *w, uint32_t type, const void *body, size_t len);

/*
 * Starts another section in the same stream. Interface ids start at 0 again;
 * pcapng_writer_restart() repeats only blocks of the new section.
 */
int pcapng_writer_add_section(struct pcapng_writer *w, const struct pcapng_section *section);

/*
 * Offers all pending bytes to the output. 0: it accepted everything. -EAGAIN: some bytes are still
 * pending. In either case, and after an error, no memory of the caller is referenced.
 */
int pcapng_writer_flush(struct pcapng_writer *w);

/* Returns the number of bytes that the output has not accepted yet. */
size_t pcapng_writer_pending(const struct pcapng_writer *w);

/* Returns the number of bytes since new or restart, including pending ones. */
uint64_t pcapng_writer_bytes(const struct pcapng_writer *w);

/*
 * Starts a new file: writes the section header, every interface (with the same id) and the blocks
 * marked `keep` again. Flush first: -EBUSY while bytes are pending. After a sticky error it
 * discards the pending bytes and clears the error.
 */
int pcapng_writer_restart(struct pcapng_writer *w);

/* Discards the blocks marked `keep`: restart does not repeat them. */
void pcapng_writer_forget(struct pcapng_writer *w);

/* Returns the last failure of a call on `w`, except -EAGAIN. Never NULL; belongs to `w`. */
const struct pcapng_error *pcapng_writer_error(const struct pcapng_writer *w);

/* Returns the version of the library at run time: "0.2.0". */
const char *pcapng_writer_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* PCAPNG_WRITER_H */
