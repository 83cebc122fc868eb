/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <string.h>

#include "bpf/filter/ebpf.h"
#include "tests/bpf/filter/setup.h"

#define AHEAD	   (CBPF_HEAD_SIZE - CBPF_HEAD_MAX)
#define ETHER_TYPE 12

/* What precedes the protocol in a cooked header: received, by a GRE device, from an unknown address. */
static const guint8 cooked[COOKED - 2] = { 0, 0, 778 >> 8, 778 & 255 };

bool setup_is_skb(const struct setup *s)
{
	return s->access == CBPF_SKB || s->access == CBPF_SKB_NETWORK;
}

static guint start_of(const struct setup *s)
{
	return s->access == CBPF_SKB_NETWORK ? ETHERNET : 0;
}

static void put_load(struct ebpf *e, guint32 from, int to, guint32 len)
{
	ebpf_alu64_reg(e, BPF_MOV, 1, 6);
	ebpf_alu32(e, BPF_MOV, 2, from);
	ebpf_alu64_reg(e, BPF_MOV, 3, 10);
	ebpf_add64(e, 3, to);
	ebpf_alu32(e, BPF_MOV, 4, len);
	ebpf_call(e, BPF_FUNC_skb_load_bytes);
}

/* On top of the stack. */
static void put_head(struct ebpf *e, const struct setup *s)
{
	const int at = -CBPF_HEAD_SIZE;

	for (int i = 0; i < CBPF_HEAD_SIZE; i += 8)
		ebpf_store_constant(e, BPF_DW, 10, at + i, 0);
	if (s->head == COOKED) {
		for (guint i = 0; i < sizeof(cooked); i++)
			ebpf_store_constant(e, BPF_B, 10, at + (int)i, cooked[i]);
		put_load(e, ETHER_TYPE, at + COOKED - 2, 2);
	} else {
		put_load(e, 0, at, ETHERNET);
	}
	put_load(e, start_of(s), at + (int)s->head, AHEAD);
	ebpf_alu64_reg(e, BPF_MOV, 8, 10);
	ebpf_add64(e, 8, at);
}

/* Puts what a filter with a context expects into its registers. */
static void begin_context(struct ebpf *e, const struct setup *s)
{
	ebpf_alu64_reg(e, BPF_MOV, 6, 1);
	if (s->head)
		put_head(e, s);
	else
		ebpf_alu32(e, BPF_MOV, 8, 0);
	ebpf_alu32(e, BPF_MOV, 7, s->access == CBPF_SKB_NETWORK ? ETHERNET : s->tag);
	ebpf_alu32(e, BPF_MOV, 9, s->head);
}

/*
 * The same for a filter without: a packet's address becomes a number when it is read back from a map,
 * whose contents the verifier does not know.
 */
static void begin_memory(struct ebpf *e)
{
	static int map_fd = -1;
	const struct bpf_insn address[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 2,
		  .src_reg = BPF_PSEUDO_MAP_VALUE },
		{ 0 },
	};

	if (map_fd < 0)
		map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "address", 4, 8, 1, NULL);
	ebpf_load(e, BPF_W, 6, 1, offsetof(struct xdp_md, data));
	ebpf_load(e, BPF_W, 7, 1, offsetof(struct xdp_md, data_end));
	ebpf_alu64_reg(e, BPF_SUB, 7, 6);
	ebpf_put(e, address[0], EBPF_NO_LABEL);
	e->insns[e->n - 1].imm = map_fd;
	ebpf_put(e, address[1], EBPF_NO_LABEL);
	ebpf_store(e, BPF_DW, 2, 0, 6);
	ebpf_load(e, BPF_DW, 6, 2, 0);
}

struct bpf_insn *setup_wrap(const struct setup *s, const struct cbpf_code *code, size_t *ret_n)
{
	struct ebpf e = { 0 };
	struct bpf_insn *insns;

	if (s->access == CBPF_MEMORY)
		begin_memory(&e);
	else
		begin_context(&e, s);
	insns = g_new0(struct bpf_insn, e.n + code->n + 1);
	memcpy(insns, e.insns, e.n * sizeof(*insns));
	memcpy(&insns[e.n], code->insns, code->n * sizeof(*insns));
	insns[e.n + code->n] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	*ret_n = e.n + code->n + 1;
	ebpf_done(&e);
	return insns;
}

/* The frame with the stripped tag. */
static void add_tagged(GByteArray *to, const GByteArray *frame, guint32 tag)
{
	guint32 bytes = GUINT32_TO_BE(tag);

	g_byte_array_append(to, frame->data, ETHER_TYPE);
	if (tag)
		g_byte_array_append(to, (const guint8 *)&bytes, 4);
	g_byte_array_append(to, frame->data + ETHER_TYPE, frame->len - ETHER_TYPE);
}

GByteArray *setup_see(const struct setup *s, const GByteArray *frame)
{
	GByteArray *seen = g_byte_array_sized_new(frame->len + COOKED);
	guint start = MIN(frame->len, start_of(s));

	if (s->head == COOKED) {
		g_byte_array_append(seen, cooked, sizeof(cooked));
		g_byte_array_append(seen, frame->data + ETHER_TYPE, 2);
	} else if (s->head) {
		g_byte_array_append(seen, frame->data, ETHERNET);
	}
	if (s->access == CBPF_SKB_NETWORK)
		g_byte_array_append(seen, frame->data + start, frame->len - start);
	else
		add_tagged(seen, frame, s->tag);
	return seen;
}

int setup_translate(const struct setup *s, const struct sock_filter *filter, size_t n,
		    struct cbpf_code *ret)
{
	const struct cbpf_target target = {
		.access = s->access,
		.has_tag = s->may_have_tag,
		.stack = s->head ? -CBPF_HEAD_SIZE : 0,
	};

	return cbpf_translate(filter, n, &target, ret);
}
