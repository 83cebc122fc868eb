/* SPDX-License-Identifier: MIT */
/* pcapng/writer.h of release 0.1, without its comments; never changed. See test_consumer.py. */
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

#pragma GCC visibility push(default)

#define PCAPNG_WRITER_VERSION_MAJOR 0
#define PCAPNG_WRITER_VERSION_MINOR 1
#define PCAPNG_WRITER_VERSION_MICRO 0

#define PCAPNG_WRITER_CHECK_VERSION(major, minor, micro)                                           \
	(PCAPNG_WRITER_VERSION_MAJOR > (major) ||                                                  \
	 (PCAPNG_WRITER_VERSION_MAJOR == (major) &&                                                \
	  (PCAPNG_WRITER_VERSION_MINOR > (minor) ||                                                \
	   (PCAPNG_WRITER_VERSION_MINOR == (minor) && PCAPNG_WRITER_VERSION_MICRO >= (micro)))))

struct pcapng_writer;

typedef ssize_t (*pcapng_output_fn)(void *user, const struct iovec *iov, int iovcnt);

enum pcapng_profile {
	PCAPNG_PROFILE_STRICT,
	PCAPNG_PROFILE_LIBPCAP,
	PCAPNG_PROFILE_LIVE_PIPE,
};

enum pcapng_order {
	PCAPNG_ORDER_NATIVE,
	PCAPNG_ORDER_LITTLE,
	PCAPNG_ORDER_BIG,
};

struct pcapng_error {
	int code;
	uint32_t block_type;
	uint64_t offset;
	char text[128];
};

struct pcapng_writer_config {
	size_t size;
	enum pcapng_profile profile;
	size_t buffer_size;
	size_t copy_below;
	struct pcapng_error *error;
};

struct pcapng_option {
	uint16_t code;
	uint16_t len;
	const void *value;
};

struct pcapng_custom_option {
	uint32_t pen;
	bool string;
	bool no_copy;
	const void *data;
	size_t len;
};

struct pcapng_options {
	const char *const *comments;
	size_t n_comments;
	const struct pcapng_custom_option *custom;
	size_t n_custom;
	const struct pcapng_option *extra;
	size_t n_extra;
};

struct pcapng_section {
	const char *hardware;
	const char *os;
	const char *userappl;
	enum pcapng_order order;
	uint32_t mask;
	struct pcapng_options options;
};

struct pcapng_bpf_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

#define PCAPNG_INTERFACE_FCSLEN (1u << 0)

struct pcapng_interface {
	uint16_t linktype;
	uint32_t snaplen;
	uint8_t tsresol;
	uint32_t mask;
	const char *name;
	const char *description;
	const uint8_t (*ipv4)[8];
	size_t n_ipv4;
	const uint8_t (*ipv6)[17];
	size_t n_ipv6;
	const uint8_t *mac;
	const uint8_t *eui;
	uint64_t speed_bps;
	uint64_t txspeed_bps;
	uint64_t rxspeed_bps;
	const char *filter;
	const struct pcapng_bpf_insn *filter_bpf;
	size_t n_filter_bpf;
	const char *os;
	uint8_t fcslen_bits;
	int64_t tsoffset;
	const char *hardware;
	const char *tzname;
	struct pcapng_options options;
};

struct pcapng_verdict {
	uint8_t kind;
	uint64_t value;
	const void *data;
	size_t len;
};

struct pcapng_hash {
	uint8_t algorithm;
	const void *data;
	size_t len;
};

#define PCAPNG_PACKET_FLAGS	(1u << 0)
#define PCAPNG_PACKET_DROPCOUNT (1u << 1)
#define PCAPNG_PACKET_PACKETID	(1u << 2)
#define PCAPNG_PACKET_QUEUE	(1u << 3)
#define PCAPNG_PACKET_PROCESS	(1u << 4)

struct pcapng_packet {
	uint32_t interface;
	uint32_t len;
	uint64_t ts;
	const void *data;
	uint32_t caplen;
	uint32_t mask;
	const struct iovec *frags;
	size_t n_frags;
	uint32_t flags;
	uint32_t queue;
	uint64_t dropcount;
	uint64_t packetid;
	uint32_t pid, tid;
	const struct pcapng_verdict *verdicts;
	size_t n_verdicts;
	const struct pcapng_hash *hashes;
	size_t n_hashes;
	struct pcapng_options options;
};

#define PCAPNG_STATS_STARTTIME	  (1u << 0)
#define PCAPNG_STATS_ENDTIME	  (1u << 1)
#define PCAPNG_STATS_IFRECV	  (1u << 2)
#define PCAPNG_STATS_IFDROP	  (1u << 3)
#define PCAPNG_STATS_FILTERACCEPT (1u << 4)
#define PCAPNG_STATS_OSDROP	  (1u << 5)
#define PCAPNG_STATS_USRDELIV	  (1u << 6)

struct pcapng_stats {
	uint32_t interface;
	uint32_t mask;
	uint64_t ts;
	uint64_t starttime;
	uint64_t endtime;
	uint64_t ifrecv;
	uint64_t ifdrop;
	uint64_t filteraccept;
	uint64_t osdrop;
	uint64_t usrdeliv;
	struct pcapng_options options;
};

struct pcapng_name {
	uint16_t type;
	const uint8_t *address;
	const char *const *names;
	size_t n_names;
};

struct pcapng_names {
	bool keep;
	uint32_t mask;
	const struct pcapng_name *records;
	size_t n_records;
	const char *dnsname;
	const uint8_t *dns_ip4;
	const uint8_t *dns_ip6;
	struct pcapng_options options;
};

struct pcapng_secrets {
	bool keep;
	uint32_t type;
	const void *data;
	uint32_t len;
	uint32_t mask;
	struct pcapng_options options;
};

struct pcapng_custom {
	uint32_t pen;
	bool no_copy;
	const void *data;
	uint32_t len;
	uint32_t mask;
	struct pcapng_options options;
};

int pcapng_writer_new(const struct pcapng_section *section,
		      const struct pcapng_writer_config *config, pcapng_output_fn output,
		      void *user, struct pcapng_writer **ret);

void pcapng_writer_free(struct pcapng_writer *w);

int pcapng_writer_add_interface(struct pcapng_writer *w, const struct pcapng_interface *interface,
				uint32_t *ret_id);

int pcapng_writer_add_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

ssize_t pcapng_writer_size_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

int pcapng_writer_add_simple_packet(struct pcapng_writer *w, const struct pcapng_packet *packet);

int pcapng_writer_add_stats(struct pcapng_writer *w, const struct pcapng_stats *stats);

int pcapng_writer_add_names(struct pcapng_writer *w, const struct pcapng_names *names);

int pcapng_writer_add_secrets(struct pcapng_writer *w, const struct pcapng_secrets *secrets);

int pcapng_writer_add_journal(struct pcapng_writer *w, const void *entry, size_t len);

int pcapng_writer_add_custom(struct pcapng_writer *w, const struct pcapng_custom *custom);

int pcapng_writer_add_raw(struct pcapng_writer *w, uint32_t type, const void *body, size_t len);

int pcapng_writer_add_section(struct pcapng_writer *w, const struct pcapng_section *section);

int pcapng_writer_flush(struct pcapng_writer *w);

size_t pcapng_writer_pending(const struct pcapng_writer *w);

uint64_t pcapng_writer_bytes(const struct pcapng_writer *w);

int pcapng_writer_restart(struct pcapng_writer *w);

void pcapng_writer_forget(struct pcapng_writer *w);

const struct pcapng_error *pcapng_writer_error(const struct pcapng_writer *w);

const char *pcapng_writer_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
