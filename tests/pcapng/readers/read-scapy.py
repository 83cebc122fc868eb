#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints what scapy reads: nanoseconds, captured, on the wire, data."""
import logging
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.utils import RawPcapNgReader  # noqa: E402  (after its warnings about networking are off)

for data, meta in RawPcapNgReader(sys.argv[1]):
    units = ((meta.tshigh or 0) << 32) + (meta.tslow or 0)
    print(units * 10 ** 9 // meta.tsresol, len(data), meta.wirelen, data.hex())
