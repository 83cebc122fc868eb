/* SPDX-License-Identifier: MIT */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

/* The only struct that we need of <linux/filter.h>, which would define the same macros again. */
#define __LINUX_FILTER_H__
struct sock_filter {
	u_short code;
	u_char jt, jf;
	bpf_u_int32 k;
};
#include "tests/bpf/filter/oracle.h"

_Static_assert(sizeof(struct sock_filter) == sizeof(struct bpf_insn), "not the same layout");

struct sock_filter *oracle_compile_for(int dlt, const char *expression, size_t *ret_n,
				       const char **ret_error)
{
	static char error[PCAP_ERRBUF_SIZE];
	pcap_t *dead = pcap_open_dead(dlt, 262144);
	struct bpf_program program = { 0 };
	struct sock_filter *filter = NULL;

	if (pcap_compile(dead, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		*ret_n = program.bf_len;
		filter = malloc(program.bf_len * sizeof(*filter));
		memcpy(filter, program.bf_insns, program.bf_len * sizeof(*filter));
		pcap_freecode(&program);
	} else {
		strncpy(error, pcap_geterr(dead), sizeof(error) - 1);
		*ret_error = error;
	}
	pcap_close(dead);
	return filter;
}

struct sock_filter *oracle_compile(const char *expression, size_t *ret_n, const char **ret_error)
{
	return oracle_compile_for(DLT_EN10MB, expression, ret_n, ret_error);
}

bool oracle_matches(const struct sock_filter *filter, size_t n, const uint8_t *frame, uint32_t len)
{
	const struct bpf_program program = { .bf_len = (unsigned int)n,
					     .bf_insns = (struct bpf_insn *)filter };
	const struct pcap_pkthdr header = { .caplen = len, .len = len };

	return pcap_offline_filter(&program, &header, frame) != 0;
}

bool oracle_is_valid(const struct sock_filter *filter, size_t n)
{
	return bpf_validate((const struct bpf_insn *)filter, (int)n);
}
