/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel has mapped the contents of a struct page: physical memory lies in one piece in its
 * address space, and so do the structs that describe its pages, in the same order.
 *
 * The two places are symbols of the kernel's data: variables on x86-64. On arm64 they are constants that
 * the compiler knew, and have to be concluded from what is there.
 */
#ifndef XDPTAP_BPF_KERNEL_MEMORY_MEMORY_BPF_H
#define XDPTAP_BPF_KERNEL_MEMORY_MEMORY_BPF_H

#include "bpf/kernel/device.bpf.h"

struct page {
	unsigned long flags;
} KERNEL;

struct mem_section {
	unsigned long section_mem_map;
} KERNEL;

#define NET_IOV 1ULL /* kernel: include/net/netmem.h: not a page */

/* kernel: include/linux/mmzone.h: the section has memory, and its page structs exist. */
#define SECTION_IS_USED	  3ULL
#define SECTION_FLAGS	  4095ULL /* and whatever else is in these bits */
#define SECTION_ROOTS_MAX (1 << 17)

/* Userspace sets it before load. */
const volatile __u64 page_size;

/* x86-64 */
extern const void vmemmap_base __ksym __weak;
extern const void page_offset_base __ksym __weak;

/* arm64; the first is everywhere. */
extern const void mem_section __ksym __weak;
extern const void memstart_addr __ksym __weak;

/* Both of the first page of physical memory, whether or not it exists. */
struct memory {
	__u64 pages; /* the address of its struct page; 0: unknown */
	__u64 start; /* the address of its contents */
};

/*
 * arm64: what was found, in one word, since another CPU may be about to write it: memory.pages, and in its
 * low bits the number of leading ones of an address in the linear mapping. 0: nothing yet.
 */
__u64 found SEC(".data.memory");

struct search {
	__u64 table; /* what is searched */
	__u64 value; /* of the entry that ended the search */
};

/* For bpf_loop(): until there is a group of sections. */
static long find_group(__u32 index, struct search *s)
{
	const __u64 *at = (const __u64 *)s->table + index;

	return bpf_probe_read_kernel(&s->value, sizeof(s->value), at) < 0 || s->value;
}

/* For bpf_loop(): until there is a section with memory. */
static long find_section(__u32 index, struct search *s)
{
	__u64 at = s->table + index * bpf_core_type_size(struct mem_section) +
		   bpf_core_field_offset(struct mem_section, section_mem_map);

	return bpf_probe_read_kernel(&s->value, sizeof(s->value), (void *)at) < 0 ||
	       (s->value & SECTION_IS_USED) == SECTION_IS_USED;
}

static __always_inline __u64 leading_ones(__u64 address)
{
	__u64 n = 0;

	for (int i = 0; i < 16 && (__s64)address < 0; i++) {
		address <<= 1;
		n++;
	}
	return n;
}

/*
 * kernel: mm/sparse.c. Each section knows where the struct of the first page of all memory would be, and the
 * sections are described in memory of the linear mapping.
 */
static __always_inline __u64 find_pages(void)
{
	struct search s = { 0 };
	__u64 group;

	if (bpf_probe_read_kernel(&s.table, sizeof(s.table), &mem_section) < 0)
		return 0;
	bpf_loop(SECTION_ROOTS_MAX, find_group, &s, 0);
	group = s.table = s.value;
	s.value = 0;
	if (!group)
		return 0;
	bpf_loop(page_size / bpf_core_type_size(struct mem_section), find_section, &s, 0);
	if ((s.value & SECTION_IS_USED) != SECTION_IS_USED)
		return 0;
	return (s.value & ~SECTION_FLAGS) | leading_ones(group);
}

/*
 * kernel: arch/arm64/include/asm/memory.h, __phys_to_virt(), and mm/init.c, arm64_memblock_init(): a kernel
 * made for addresses of 52 bits keeps to its formula on a processor that has fewer, with a start of memory
 * that is far below zero.
 */
static __always_inline __u64 linear_start(__u64 start_of_memory, __u64 ones)
{
	const __u64 of_52_bits = -(1ULL << 52);

	if ((__s64)start_of_memory < -(1LL << 51))
		return of_52_bits - start_of_memory;
	return -(1ULL << (64 - (ones & 31))) - start_of_memory;
}

static __always_inline struct memory find_memory_arm64(void)
{
	struct memory m = { 0 };
	__u64 start;

	if (!&memstart_addr || bpf_probe_read_kernel(&start, sizeof(start), &memstart_addr) < 0)
		return m;
	if (!found)
		found = find_pages();
	m.pages = found & ~SECTION_FLAGS;
	m.start = linear_start(start, found & SECTION_FLAGS);
	return m;
}

static __always_inline struct memory find_memory(void)
{
	struct memory m = { 0 };

	if (bpf_probe_read_kernel(&m.pages, sizeof(m.pages), &vmemmap_base) < 0 ||
	    bpf_probe_read_kernel(&m.start, sizeof(m.start), &page_offset_base) < 0)
		return find_memory_arm64();
	return m;
}

/* kernel: page_to_virt(); 0: unknown. */
static __always_inline __u64 page_address(const struct memory *m, __u64 page)
{
	if (page & NET_IOV || !m->pages)
		return 0;
	return m->start + (page - m->pages) / bpf_core_type_size(struct page) * page_size;
}

#endif
