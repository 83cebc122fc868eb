/* SPDX-License-Identifier: MIT */
/* Builds frames layer by layer; fields() appends big-endian numbers of given widths. */
#include <stdarg.h>

#include "tests/bpf/filter/frames.h"

#define TCP    6
#define UDP    17
#define ICMP   1
#define ICMP6  58
#define IP4    0x0800
#define IP6    0x86dd
#define ADDR_A 0x0a000001u /* 10.0.0.1 */
#define ADDR_B 0xc0a80102u /* 192.168.1.2 */

/* A width for each digit of "widths", in bytes. */
static void fields(GByteArray *f, const char *widths, ...)
{
	va_list args;

	va_start(args, widths);
	for (; *widths; widths++) {
		guint32 value = va_arg(args, guint32);

		for (int shift = 8 * (*widths - '1'); shift >= 0; shift -= 8) {
			guint8 byte = (guint8)(value >> shift);

			g_byte_array_append(f, &byte, 1);
		}
	}
	va_end(args);
}

static GByteArray *ethernet(guint16 dst_start, guint16 type)
{
	GByteArray *f = g_byte_array_new();

	fields(f, "24242", dst_start, 0x11223344, 0x0200, 0x55667788, type);
	return f;
}

static void payload(GByteArray *f, guint len)
{
	for (guint i = 0; i < len; i++)
		fields(f, "1", (i * 7 + len) & 0xff);
}

static void ip4(GByteArray *f, guint8 proto, guint32 src, guint32 dst, guint16 fragment,
		guint words)
{
	fields(f, "1122211244", 0x40 | words, 0x10, 84, 0x1234, fragment, 64, proto, 0xbeef, src,
	       dst);
	for (guint i = 5; i < words; i++)
		fields(f, "4", 0x01010101);
}

static void ip6(GByteArray *f, guint8 next, guint32 last)
{
	fields(f, "421144444444", 0x60012345, 40, next, 64, 0xfe800000, 0, 0, 1, 0x20010db8, 0, 0,
	       last);
}

static void tcp(GByteArray *f, guint16 src, guint16 dst, guint8 flags)
{
	fields(f, "224411222", src, dst, 1000, 2000, 0x60, flags, 512, 0xabcd, 0);
	fields(f, "4", 0x020405b4);
	payload(f, 24);
}

static void udp(GByteArray *f, guint16 src, guint16 dst)
{
	fields(f, "2222", src, dst, 40, 0xabcd);
	payload(f, 32);
}

static void layer4(GByteArray *f, guint8 proto, guint16 src, guint16 dst)
{
	switch (proto) {
	case TCP: tcp(f, src, dst, 0x12); break;
	case UDP: udp(f, src, dst); break;
	case 132: fields(f, "22444", src, dst, 1, 2, 0x01000014); break;
	default: fields(f, "112", src & 0xff, dst & 0xff, 0x7777); payload(f, 32);
	}
}

static void add_ip4(GPtrArray *frames)
{
	static const guint8 protos[] = {
		TCP, UDP, ICMP, 132, 2, 103, 112, 50, 51, 89, 9, 4, 47, 0
	};
	static const guint16 ports[][2] = { { 80, 33000 },  { 40000, 443 }, { 53, 53 },
					    { 22, 5000 },   { 8, 0 },	    { 0, 0 },
					    { 1024, 65535 } };

	for (guint p = 0; p < G_N_ELEMENTS(protos); p++) {
		GByteArray *f = ethernet(0x0200, IP4);

		ip4(f, protos[p], ADDR_A, ADDR_B, 0, 5);
		layer4(f, protos[p], 1234, 80);
		g_ptr_array_add(frames, f);
	}
	for (guint p = 0; p < G_N_ELEMENTS(ports); p++) {
		for (guint words = 5; words <= 15; words += 5) {
			GByteArray *f = ethernet(p & 1 ? 0xffff : 0x0100, IP4);

			ip4(f, words == 10 ? UDP : TCP, ADDR_B, p & 1 ? 0xffffffff : 0xe0000001,
			    words == 15 ? 0x4000 : 0, words);
			layer4(f, words == 10 ? UDP : TCP, ports[p][0], ports[p][1]);
			g_ptr_array_add(frames, f);
		}
	}
}

static void add_ip4_oddities(GPtrArray *frames)
{
	static const guint16 fragments[] = { 0x2000, 0x2001, 0x1fff, 0x00b9 };
	static const guint8 flags[] = { 0, 1, 2, 4, 8, 0x10, 0x18, 0x29, 0xc2, 0xff };
	static const guint8 types[] = { 0, 3, 5, 8, 11, 13, 17 };
	GByteArray *f;

	for (guint i = 0; i < G_N_ELEMENTS(fragments); i++) {
		f = ethernet(0x0200, IP4);
		ip4(f, i & 1 ? UDP : TCP, ADDR_A, ADDR_B, fragments[i], 5);
		layer4(f, i & 1 ? UDP : TCP, 443, 443);
		g_ptr_array_add(frames, f);
	}
	for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
		f = ethernet(0x0200, IP4);
		ip4(f, TCP, ADDR_B, ADDR_A, 0, 5 + i % 3);
		tcp(f, 443, 50000, flags[i]);
		g_ptr_array_add(frames, f);
	}
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		f = ethernet(0x0200, IP4);
		ip4(f, ICMP, ADDR_B, ADDR_A, 0, 5);
		layer4(f, ICMP, types[i], i);
		g_ptr_array_add(frames, f);
	}
	f = ethernet(0x0200, IP4); /* a header length that points beyond the frame */
	ip4(f, TCP, ADDR_A, ADDR_B, 0, 5);
	f->data[14] = 0x4f;
	g_ptr_array_add(frames, f);
}

static void add_ip6(GPtrArray *frames)
{
	static const guint8 protos[] = { TCP, UDP, ICMP6, 132, 103, 112, 50, 51, 89, 59 };
	static const guint8 headers[] = { 0, 43, 60, 44, 51, 135 };
	static const guint8 types[] = { 1, 2, 3, 128, 129, 133, 134, 135, 136, 143 };

	for (guint p = 0; p < G_N_ELEMENTS(protos); p++) {
		GByteArray *f = ethernet(0x3333, IP6);

		ip6(f, protos[p], p & 1 ? 2 : 0xff);
		layer4(f, protos[p], 5353, 443);
		g_ptr_array_add(frames, f);
	}
	for (guint h = 0; h < G_N_ELEMENTS(headers); h++) {
		for (guint p = 0; p < 3; p++) {
			GByteArray *f = ethernet(0x3333, IP6);

			ip6(f, headers[h], 1);
			fields(f, "1124", protos[p], headers[h] == 44 ? 0 : p, 0x0100 * p, 42);
			payload(f, headers[h] == 44 ? 0 : 8 * p);
			layer4(f, protos[p], 80, 8080);
			g_ptr_array_add(frames, f);
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		GByteArray *f = ethernet(0x3333, IP6);

		ip6(f, ICMP6, 1);
		layer4(f, ICMP6, types[i], 0);
		g_ptr_array_add(frames, f);
	}
}

/* What a stack of tags or labels carries. */
static void inner(GByteArray *f, guint16 type, guint8 proto)
{
	if (type == IP6)
		ip6(f, proto, 1);
	else
		ip4(f, proto, ADDR_A, ADDR_B, 0, 5);
	layer4(f, proto, 443, 40000);
}

static void add_vlan(GPtrArray *frames)
{
	static const guint16 outer[] = { 0x8100, 0x88a8, 0x9100 };

	for (guint o = 0; o < G_N_ELEMENTS(outer); o++) {
		for (guint depth = 1; depth <= 3; depth++) {
			for (guint v = 0; v < 4; v++) {
				GByteArray *f = ethernet(0x0200, outer[o]);

				for (guint d = 1; d < depth; d++)
					fields(f, "22", 0x2000 | (42 * d),
					       d == 1 ? 0x8100 : 0x88a8);
				fields(f, "22", v * 100 | (v << 13), v & 1 ? IP6 : IP4);
				inner(f, v & 1 ? IP6 : IP4, v & 2 ? UDP : TCP);
				g_ptr_array_add(frames, f);
			}
		}
	}
}

static void add_mpls_pppoe(GPtrArray *frames)
{
	for (guint depth = 1; depth <= 3; depth++) {
		for (guint v = 0; v < 4; v++) {
			GByteArray *f = ethernet(0x0200, v == 3 ? 0x8848 : 0x8847);

			for (guint d = 1; d <= depth; d++)
				fields(f, "4", (1024 * d + v) << 12 | (d == depth) << 8 | 64);
			inner(f, v & 1 ? IP6 : IP4, v & 2 ? UDP : TCP);
			g_ptr_array_add(frames, f);
		}
	}
	for (guint v = 0; v < 6; v++) {
		GByteArray *f = ethernet(0x0200, v == 5 ? 0x8863 : 0x8864);

		fields(f, "11222", 0x11, v == 5 ? 9 : 0, v * 3, 60,
		       v == 4  ? 0xc021
		       : v & 1 ? 0x0057
			       : 0x0021);
		inner(f, v & 1 ? IP6 : IP4, v & 2 ? UDP : TCP);
		g_ptr_array_add(frames, f);
	}
}

static void add_tunnels(GPtrArray *frames)
{
	for (guint v = 0; v < 6; v++) { /* Geneve with options and without, in IPv4 and IPv6 */
		GByteArray *f = ethernet(0x0200, v & 1 ? IP6 : IP4);

		if (v & 1)
			ip6(f, UDP, 1);
		else
			ip4(f, UDP, ADDR_A, ADDR_B, 0, 5);
		fields(f, "2222", 30000, v == 4 ? 4789 : 6081, 80, 0);
		fields(f, "1124", v & 2 ? 1 : 0, 0, v == 3 ? IP4 : 0x6558, (v * 11) << 8);
		payload(f, v & 2 ? 4 : 0);
		if (v != 3)
			fields(f, "242422", 0x0200, 1, 0x0200, 2, 0x8100, 42);
		fields(f, "2", IP4);
		inner(f, IP4, TCP);
		g_ptr_array_add(frames, f);
	}
}

static void add_arp(GPtrArray *frames)
{
	static const guint16 types[] = { 0x0806, 0x8035 };

	for (guint i = 0; i < 6; i++) {
		GByteArray *f = ethernet(i & 1 ? 0xffff : 0x0200, types[i / 4]);

		fields(f, "22112244424", 1, i == 3 ? IP6 : IP4, 6, 4, 1 + (i & 1), 0x0200,
		       0x55667788, ADDR_A, 0, 0x0200, 0x11223344);
		fields(f, "4", ADDR_B);
		g_ptr_array_add(frames, f);
	}
}

/* Types that no IP header follows, and 802.3 frames with a length, LLC and SNAP. */
static void add_others(GPtrArray *frames)
{
	static const guint16 types[] = { 0x6001, 0x6002, 0x6003, 0x6004, 0x6007, 0x809b, 0x80f3,
					 0x9000, 0x88cc, 0x888e, 0x88e5, 0x8137, 0x0600, 0x05dc };
	static const guint16 saps[] = { 0x4242, 0xf0f0, 0xe0e0, 0xfefe, 0xffff, 0x0404, 0x0606 };
	static const guint16 snaps[] = { 0x809b, 0x80f3, IP4, IP6, 0x0806, 0x8137, 0x2000 };

	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		GByteArray *f = ethernet(i & 1 ? 0x0900 : 0x0200, types[i]);

		fields(f, "144", 0x81 + i % 3, 0x02010004, 0x05000400);
		payload(f, 40);
		g_ptr_array_add(frames, f);
	}
	for (guint i = 0; i < G_N_ELEMENTS(saps); i++) {
		for (guint control = 0; control < 4; control++) {
			GByteArray *f = ethernet(0x0180, 50);

			fields(f, "2111", saps[i], control | (i << 4), 0x83, 15 + control);
			payload(f, 40);
			g_ptr_array_add(frames, f);
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(snaps); i++) {
		GByteArray *f = ethernet(0x0100, 60);

		fields(f, "21122", 0xaaaa, 3, 0, i & 1 ? 0x0807 : 0, snaps[i]);
		inner(f, IP4, UDP);
		g_ptr_array_add(frames, f);
	}
}

static void free_frame(gpointer frame)
{
	g_byte_array_unref(frame);
}

GPtrArray *frames_make(void)
{
	GPtrArray *frames = g_ptr_array_new_with_free_func(free_frame);

	add_ip4(frames);
	add_ip4_oddities(frames);
	add_ip6(frames);
	add_vlan(frames);
	add_mpls_pppoe(frames);
	add_tunnels(frames);
	add_arp(frames);
	add_others(frames);
	return frames;
}

static GByteArray *copy(const GByteArray *f, guint len)
{
	GByteArray *new = g_byte_array_new();

	return g_byte_array_append(new, f->data, MIN(len, f->len));
}

GPtrArray *frames_cut(const GPtrArray *whole, guint until)
{
	GPtrArray *frames = g_ptr_array_new_with_free_func(free_frame);

	for (guint i = 0; i < whole->len; i++) {
		const GByteArray *f = whole->pdata[i];

		for (guint len = FRAME_MIN; len < MIN(until, f->len); len++)
			g_ptr_array_add(frames, copy(f, len));
		g_ptr_array_add(frames, copy(f, f->len));
	}
	return frames;
}

GPtrArray *frames_mutate(const GPtrArray *whole, GRand *random, guint n)
{
	GPtrArray *frames = g_ptr_array_new_with_free_func(free_frame);

	for (guint i = 0; i < n; i++) {
		const GByteArray *from = whole->pdata[i % whole->len];
		GByteArray *f = copy(from, from->len);

		for (int changes = g_rand_int_range(random, 1, 5); changes > 0; changes--)
			f->data[g_rand_int_range(random, 0, (gint32)MIN(f->len, 70))] =
				(guint8)g_rand_int(random);
		g_ptr_array_add(frames, f);
	}
	return frames;
}

GPtrArray *frames_jumbo(const GPtrArray *whole)
{
	static const guint sizes[] = { 3519, 3520, 3521, 9014, 20000, 61440 };
	GPtrArray *frames = g_ptr_array_new_with_free_func(free_frame);

	for (guint i = 0; i < whole->len; i += 3) {
		const GByteArray *from = whole->pdata[i];
		GByteArray *f = copy(from, from->len);

		payload(f, sizes[(i / 3) % G_N_ELEMENTS(sizes)] - f->len);
		g_ptr_array_add(frames, f);
	}
	return frames;
}
