/* SPDX-License-Identifier: MIT */
/*
 * pcapng/format.h - the numbers of the pcapng file format
 *
 * Block types, option codes and flag bits. The names are those of draft-ietf-opsawg-pcapng with the
 * prefix PCAPNG_. Each group cites its section by anchor: [pcapng §section_idb]. The functions are
 * in writer.h.
 */
#ifndef PCAPNG_FORMAT_H
#define PCAPNG_FORMAT_H

/* [pcapng §section_block_code_registry] Block types. */
#define PCAPNG_BLOCK_SHB	    0x0A0D0D0Au /* Section Header Block */
#define PCAPNG_BLOCK_IDB	    0x00000001u /* Interface Description Block */
#define PCAPNG_BLOCK_SPB	    0x00000003u /* Simple Packet Block */
#define PCAPNG_BLOCK_NRB	    0x00000004u /* Name Resolution Block */
#define PCAPNG_BLOCK_ISB	    0x00000005u /* Interface Statistics Block */
#define PCAPNG_BLOCK_EPB	    0x00000006u /* Enhanced Packet Block */
#define PCAPNG_BLOCK_JOURNAL	    0x00000009u /* systemd Journal Export Block */
#define PCAPNG_BLOCK_DSB	    0x0000000Au /* Decryption Secrets Block */
#define PCAPNG_BLOCK_CUSTOM	    0x00000BADu /* Custom Block that rewriters may copy */
#define PCAPNG_BLOCK_CUSTOM_NO_COPY 0x40000BADu /* Custom Block that they may not */
#define PCAPNG_BLOCK_LOCAL	    0x80000000u /* bit 31: types for local use */

/* [pcapng §section_shb] */
#define PCAPNG_MAGIC	      0x1A2B3C4Du
#define PCAPNG_VERSION_MAJOR  1
#define PCAPNG_VERSION_MINOR  0
#define PCAPNG_LENGTH_UNKNOWN UINT64_MAX /* Section Length -1: unknown */

/*
 * [pcapng §section_opt] Options of every block. Bit 15 set: code for local use. Wireshark 4.6 and scapy take the
 * first of those (0x8001…), and the block type 0x80000001, for Apple's, and refuse others' data in them.
 */
#define PCAPNG_OPT_ENDOFOPT		 0
#define PCAPNG_OPT_COMMENT		 1    /* UTF-8, repeatable */
#define PCAPNG_OPT_CUSTOM_STRING	 2988 /* PEN + UTF-8, rewriters may copy it */
#define PCAPNG_OPT_CUSTOM_BYTES		 2989 /* PEN + octets, rewriters may copy it */
#define PCAPNG_OPT_CUSTOM_STRING_NO_COPY 19372
#define PCAPNG_OPT_CUSTOM_BYTES_NO_COPY	 19373
#define PCAPNG_OPT_LOCAL		 0x8000

/* [pcapng §section_shb] Section Header Block options. */
#define PCAPNG_SHB_HARDWARE 2 /* UTF-8 */
#define PCAPNG_SHB_OS	    3 /* UTF-8 */
#define PCAPNG_SHB_USERAPPL 4 /* UTF-8 */

/* [pcapng §section_idb] Interface Description Block options. */
#define PCAPNG_IF_NAME	      2	 /* UTF-8 */
#define PCAPNG_IF_DESCRIPTION 3	 /* UTF-8 */
#define PCAPNG_IF_IPV4ADDR    4	 /* 4 octets address, 4 octets netmask; repeatable */
#define PCAPNG_IF_IPV6ADDR    5	 /* 16 octets address, 1 octet prefix length; repeatable */
#define PCAPNG_IF_MACADDR     6	 /* 6 octets */
#define PCAPNG_IF_EUIADDR     7	 /* 8 octets */
#define PCAPNG_IF_SPEED	      8	 /* u64, bit/s */
#define PCAPNG_IF_TSRESOL     9	 /* u8, 10^-n s, or 2^-n s with bit 7 set */
#define PCAPNG_IF_TZONE	      10 /* 4 octets; never specified, do not use */
#define PCAPNG_IF_FILTER      11 /* u8 kind (PCAPNG_FILTER_), then the filter */
#define PCAPNG_IF_OS	      12 /* UTF-8 */
#define PCAPNG_IF_FCSLEN      13 /* u8, bits */
#define PCAPNG_IF_TSOFFSET    14 /* i64, seconds added to every timestamp */
#define PCAPNG_IF_HARDWARE    15 /* UTF-8 */
#define PCAPNG_IF_TXSPEED     16 /* u64, bit/s */
#define PCAPNG_IF_RXSPEED     17 /* u64, bit/s */
#define PCAPNG_IF_IANA_TZNAME 18 /* UTF-8, "Europe/Berlin" */

/* First octet of if_filter. */
#define PCAPNG_FILTER_TEXT 0 /* pcap-filter(7) text */
#define PCAPNG_FILTER_BPF  1 /* classic BPF: {u16 code, u8 jt, u8 jf, u32 k} in section order */

/* if_tsresol: timestamps in units of 2^-n seconds, n 0 to 63 */
#define PCAPNG_TSRESOL_BINARY(n) (0x80 | (n))

/* [pcapng §section_epb] Enhanced Packet Block options. */
#define PCAPNG_EPB_FLAGS	      2 /* u32, PCAPNG_FLAG_ */
#define PCAPNG_EPB_HASH		      3 /* u8 algorithm (PCAPNG_HASH_), then the hash; repeatable */
#define PCAPNG_EPB_DROPCOUNT	      4 /* u64 */
#define PCAPNG_EPB_PACKETID	      5 /* u64 */
#define PCAPNG_EPB_QUEUE	      6 /* u32 */
#define PCAPNG_EPB_VERDICT	      7 /* u8 kind (PCAPNG_VERDICT_), then the verdict; repeatable */
#define PCAPNG_EPB_PROCESSID_THREADID 8 /* u32 process, u32 thread; 0: not known */

/* [pcapng §section_epb_flags] Bits of epb_flags. */
#define PCAPNG_FLAG_DIRECTION	   0x00000003u /* mask */
#define PCAPNG_FLAG_INBOUND	   0x00000001u
#define PCAPNG_FLAG_OUTBOUND	   0x00000002u
#define PCAPNG_FLAG_RECEPTION	   0x0000001Cu /* mask */
#define PCAPNG_FLAG_UNICAST	   0x00000004u
#define PCAPNG_FLAG_MULTICAST	   0x00000008u
#define PCAPNG_FLAG_BROADCAST	   0x0000000Cu
#define PCAPNG_FLAG_PROMISCUOUS	   0x00000010u
#define PCAPNG_FLAG_FCSLEN(octets) (((octets)&0xFu) << 5) /* length of the FCS in the data */
#define PCAPNG_FLAG_CSUM_NOT_READY 0x00000200u		  /* left to the NIC: not in the data yet */
#define PCAPNG_FLAG_CSUM_VALID	   0x00000400u		  /* verified before the capture */
#define PCAPNG_FLAG_SEGMENTED	   0x00000800u /* one frame here, several on the wire (TSO, GRO) */
#define PCAPNG_FLAG_RESERVED	   0x0000F000u /* must be zero */
#define PCAPNG_FLAG_CRC_ERROR	   0x01000000u
#define PCAPNG_FLAG_TOO_LONG	   0x02000000u
#define PCAPNG_FLAG_TOO_SHORT	   0x04000000u
#define PCAPNG_FLAG_IFG_ERROR	   0x08000000u
#define PCAPNG_FLAG_UNALIGNED	   0x10000000u
#define PCAPNG_FLAG_SFD_ERROR	   0x20000000u
#define PCAPNG_FLAG_PREAMBLE_ERROR 0x40000000u
#define PCAPNG_FLAG_SYMBOL_ERROR   0x80000000u

/* [pcapng §section_epb] First octet of epb_hash; the length of what follows. */
#define PCAPNG_HASH_2COMP    0 /* not specified */
#define PCAPNG_HASH_XOR	     1 /* not specified */
#define PCAPNG_HASH_CRC32    2 /* 4 */
#define PCAPNG_HASH_MD5	     3 /* 16 */
#define PCAPNG_HASH_SHA1     4 /* 20 */
#define PCAPNG_HASH_TOEPLITZ 5 /* 4; the hash of receive side scaling */

/* [pcapng §section_epb] First octet of epb_verdict. */
#define PCAPNG_VERDICT_HARDWARE 0 /* opaque octets */
#define PCAPNG_VERDICT_EBPF_TC	1 /* u64 TC_ACT_ */
#define PCAPNG_VERDICT_EBPF_XDP 2 /* u64 enum xdp_action */

/* [pcapng §section_nrb] Record types and options of the Name Resolution Block. */
#define PCAPNG_NRB_END	 0
#define PCAPNG_NRB_IPV4	 1 /* 4 octets, then names */
#define PCAPNG_NRB_IPV6	 2 /* 16 octets */
#define PCAPNG_NRB_EUI48 3 /* 6 octets */
#define PCAPNG_NRB_EUI64 4 /* 8 octets */

#define PCAPNG_NS_DNSNAME    2 /* UTF-8 */
#define PCAPNG_NS_DNSIP4ADDR 3 /* 4 octets */
#define PCAPNG_NS_DNSIP6ADDR 4 /* 16 octets */

/* [pcapng §section_isb] Interface Statistics Block options; all count from the capture's start. */
#define PCAPNG_ISB_STARTTIME	2 /* two u32, high first, in units of the interface */
#define PCAPNG_ISB_ENDTIME	3 /* likewise */
#define PCAPNG_ISB_IFRECV	4 /* u64 packets received by the interface */
#define PCAPNG_ISB_IFDROP	5 /* u64 dropped by the interface for lack of resources */
#define PCAPNG_ISB_FILTERACCEPT 6 /* u64 accepted by the filter */
#define PCAPNG_ISB_OSDROP	7 /* u64 accepted, then dropped by the operating system */
#define PCAPNG_ISB_USRDELIV	8 /* u64 delivered to the user */

/* [pcapng §section_dsb] Secrets types. */
#define PCAPNG_SECRETS_TLS	  0x544C534Bu /* NSS key log */
#define PCAPNG_SECRETS_SSH	  0x5353484Bu
#define PCAPNG_SECRETS_WIREGUARD  0x57474B4Cu
#define PCAPNG_SECRETS_ZIGBEE_NWK 0x5A4E574Bu
#define PCAPNG_SECRETS_ZIGBEE_APS 0x5A415053u
#define PCAPNG_SECRETS_OPC_UA	  0x55414B4Cu
#define PCAPNG_SECRETS_ESP	  0x45535053u

/* Link types of a first program; [pcaplinktype] lists all. */
#define PCAPNG_LINKTYPE_ETHERNET 1
#define PCAPNG_LINKTYPE_RAW	 101

#endif /* PCAPNG_FORMAT_H */
