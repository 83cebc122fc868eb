#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of hadrielk/pcapng-test-generator, written through our API.

    test_generator_cases.py REPLAY_PROGRAM

Each case is a list of blocks, in either byte order. The file, decoded as the draft says, must have that
list again, and tshark and capinfos must see its packets. Cases that the draft forbids are left out: name
records of unknown types.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import check_pcapng
import test_readers

TIME = 0x0004C39764CA47AA
ETHERNET, NULL = 1, 0
# As long as that generator's: DHCP requests and answers, and one of the loopback's.
FRAMES = [bytes([n]) * 14 + bytes(range(200)) + bytes(length - 214) if length > 214 else
          b"\2\0\0\0" + bytes(length - 4)
          for n, length in enumerate((314, 342, 314, 342, 168))]


def hexed(text):
    return text.encode().hex()


def shb(*comments, more=()):
    return " ".join(["SHB", f"shb_hardware={hexed('PC')}", f"shb_os={hexed('OS 1')}",
                     f"shb_userappl={hexed('cases')}",
                     *(f"opt_comment={hexed(c)}" for c in comments), *more])


def idb(linktype, snaplen, name, *more):
    if not any(word.startswith("if_tsresol") for word in more):
        more = ("if_tsresol=6", *more)
    return " ".join(["IDB", str(linktype), str(snaplen), f"if_name={hexed(name)}", *more])


def epb(interface, frame, ts=0, snaplen=None, more=()):
    data = FRAMES[frame - 1]
    return " ".join(["EPB", str(interface), str(ts), str(len(data)),
                     f"data={data[:snaplen].hex()}", *more])


def spb(frame, snaplen=None):
    data = FRAMES[frame - 1]
    return f"SPB {len(data)} data={data[:snaplen].hex()}"


def isb(interface, ts=0, *more):
    return " ".join(["ISB", str(interface), str(ts), *more])


TIMES = (f"isb_starttime={TIME}", f"isb_endtime={TIME + 1000}")
FULL_ISB = (*TIMES, "isb_ifrecv=100", "isb_ifdrop=1", "isb_filteraccept=9", "isb_osdrop=42",
            "isb_usrdeliv=6", f"opt_comment={hexed('ISB-0')}")
SOME_ISB = (*TIMES, "isb_ifdrop=10", "isb_filteraccept=42")
DROP_ISB = (*TIMES, "isb_ifdrop=10")


def nrb(*records, more=()):
    words = []
    for address, name in records:
        octets = (bytes(int(n) for n in address.split(".")) if "." in address
                  else bytes.fromhex(address))
        words.append(f"record={1 if len(octets) == 4 else 2}:{octets.hex()}:{hexed(name)}")
    return " ".join(["NRB", *words, *more])


V6, V6_OTHER = "fc01dead00000000000000000000beef", "fc01feed00000000000000000000beef"
NAMES = [("192.168.1.2", "example.com"), ("192.168.3.4", "example.net"), ("10.1.2.3", "example.org")]
MIXED = [("192.168.1.2", "a"), ("192.168.1.2", "example.com"), ("192.168.1.8", "example.com"),
         (V6, "example.com"), ("10.1.2.3", "example.org"), ("192.168.1.2", "example.net")]
OTHERS = [("192.168.1.2", "qux.example.com"), ("192.168.1.3", "bar.example.com"),
          (V6_OTHER, "bar.example.net"), (V6, "foo.example.com"), ("10.1.2.4", "bar.example.org")]
NOTE = (f"opt_comment={hexed('NRB')}",)
UNKNOWN = (f"opt_291={hexed('try this one')}", f"opt_33059={hexed('and this one')}")
EMPTY = ("opt_291=", f"opt_33059={hexed('and this one')}")
CUSTOM_OPTIONS = tuple(f"opt_custom_{kind}=32473:{hexed('custom ' + kind)}"
                       for kind in ("string", "bytes", "string_no_copy", "bytes_no_copy"))


def cb(text, pen=32473, no_copy=False, more=()):
    name = "CUSTOM_NO_COPY" if no_copy else "CUSTOM"
    return " ".join([name, str(pen), f"data={hexed(text)}", *more])


CBS = [cb("an example"), cb("not to be copied", no_copy=True, more=(f"opt_comment={hexed('DCB')}",)),
       cb("of another", 36724, more=(f"opt_comment={hexed('CB')}",)),
       cb("all of it", 36724, no_copy=True)]
ALL_IDB = (f"if_description={hexed('silly ethernet interface')}", "if_IPv4addr=0a010203ffffff00",
           "if_IPv6addr=21000db800000000000000000000001a40", "if_MACaddr=000102030405",
           "if_EUIaddr=023456fffe789abc", "if_speed=1000000000", "if_tsresol=9",
           f"if_filter={hexed('tcp port 23 and host 192.0.2.5')}", f"if_os={hexed('OS' + chr(10))}",
           "if_fcslen=0", "opt_14=0000000000000000", *CUSTOM_OPTIONS, *UNKNOWN)
ETH, EN = idb(ETHERNET, 96, "eth0"), idb(ETHERNET, 128, "en1")
ALL, LOOP = idb(ETHERNET, 0, "eth0"), idb(NULL, 0, "null1")
SILLY = idb(ETHERNET, 128, "silly ethernet interface 2")


def turn(first, second, between=()):
    """Packets of two interfaces in turn; the second interface may come after the first packets."""
    return [epb(0, 1, TIME, first), *between, epb(1, 2, TIME + 1000, second),
            epb(0, 3, TIME + 2000, first), epb(1, 4, TIME + 3000, second)]


CASES = {
    "001": [shb("001"), ALL, *(epb(0, n) for n in (1, 2, 3, 4))],
    "002": [shb("002")],
    "003": [shb("003"), ETH],
    "004": [shb("004"), ETH, EN, *turn(96, 128)],
    "005": [shb("005"), ETH, *turn(96, 128, [EN])],
    "006": [shb("006"), ETH, LOOP, epb(0, 1, TIME, 96), epb(1, 5, TIME + 1000),
            *(epb(0, n, TIME + n * 1000, 96) for n in (2, 3, 4))],
    "007": [shb("007", more=(*CUSTOM_OPTIONS, *UNKNOWN)), ETH, epb(0, 1, TIME, 96)],
    "008": [shb("008"), idb(ETHERNET, 96, "eth-_0 foo", *ALL_IDB,
                            f"opt_comment={hexed('and more' + chr(10) + 'foo' + chr(13))}"),
            *turn(96, 128, [idb(ETHERNET, 128, "en1", *reversed(ALL_IDB))])],
    "009": [shb("009"), ALL,
            epb(0, 1, TIME, more=("epb_flags=0", "epb_dropcount=0", f"opt_comment={hexed('1')}",
                                  *CUSTOM_OPTIONS, *UNKNOWN)),
            epb(0, 2, TIME, more=(UNKNOWN[0], "epb_flags=1207959552", "epb_dropcount=12345",
                                  f"opt_comment={hexed('2')}", *CUSTOM_OPTIONS, UNKNOWN[1]))],
    "010": [shb("010"), ALL, *(spb(n) for n in (1, 2, 3, 4))],
    "011": [shb("011"), ALL, spb(1), epb(0, 2, TIME), spb(3), epb(0, 4, TIME + 2000)],
    "012": [shb("012"), idb(ETHERNET, 315, "eth0"), spb(1, 315), spb(2, 315), epb(0, 3, 0, 315),
            epb(0, 4, 0, 315)],
    "013": [shb("013"), ETH, isb(0, 0, *DROP_ISB)],
    "014": [shb("014"), ETH, LOOP, isb(1, TIME, *DROP_ISB), isb(0, TIME, *DROP_ISB), SILLY,
            isb(2, TIME, *DROP_ISB, f"opt_comment={hexed('ISB')}")],
    "015": [shb("015"), idb(ETHERNET, 96, "eth0", f"opt_comment={hexed('IDB')}"),
            nrb(*NAMES, more=NOTE)],
    "016": [shb("016"), ALL, nrb(*NAMES, more=NOTE), spb(1), epb(0, 2, TIME),
            nrb(*((a, "foo." + n) for a, n in NAMES)), spb(3), epb(0, 4, TIME + 2000),
            nrb(*OTHERS, more=NOTE)],
    "017": [shb("017"), *CBS],
    "018": [shb("018"), ALL, CBS[0], spb(1), epb(0, 2, TIME), CBS[1], spb(3), CBS[2],
            epb(0, 4, TIME + 2000), CBS[3]],
    "100": [shb("100"), ALL, nrb(*MIXED, more=(*NOTE, *EMPTY)), spb(1), nrb(more=NOTE), LOOP, nrb(),
            epb(0, 2, TIME), idb(ETHERNET, 128, "wifi2?"),
            nrb((V6, "foo.example.com"), (V6, "foo.example.net"), ("10.1.2.3", "foo.example.org")),
            spb(3), epb(0, 4, TIME + 2000), epb(1, 5, TIME + 3000), nrb(*OTHERS, more=NOTE)],
    "101": [shb("101"), ETH, LOOP, epb(0, 1, TIME, 96), isb(1, TIME), isb(0), isb(1, TIME - 1000),
            SILLY, epb(2, 2, TIME, 128), isb(2, TIME + 1000, *SOME_ISB), spb(3, 96),
            isb(0, 0, *FULL_ISB), epb(1, 5, TIME + 3000), isb(0)],
    "102": [shb("102"), CBS[0], nrb(*MIXED, more=(*NOTE, *EMPTY)), ETH, LOOP, isb(1, TIME),
            epb(0, 1, TIME, 96), isb(0), isb(1, TIME - 1000), CBS[1],
            idb(ETHERNET, 0, "silly!\r\nethernet interface 2"), epb(2, 2, TIME),
            isb(2, TIME + 1000, *SOME_ISB), spb(3, 96), nrb(), epb(0, 4, TIME + 2000, 96),
            isb(0, 0, *FULL_ISB), epb(1, 5, TIME + 3000), CBS[3], nrb(*OTHERS, more=NOTE), isb(0)],
    "200": [shb("200"), ETH, shb("200"), ALL, shb("200"), idb(NULL, 128, "null1")],
    "201": [shb("SHB-0"), ETH, LOOP, epb(0, 1, TIME, 96), isb(1, TIME),
            shb("SHB-1", more=EMPTY), SILLY, epb(0, 2, TIME, 128),
            isb(0, TIME + 1000, *SOME_ISB, *EMPTY), spb(3, 128),
            shb("SHB-2"), ETH, LOOP, isb(0, 0, *FULL_ISB), epb(1, 5, TIME + 3000), isb(0)],
    "202": [shb("SHB-0"), ETH, nrb(more=NOTE), LOOP, CBS[0], nrb(*MIXED, more=(*NOTE, *EMPTY)),
            epb(0, 1, TIME, 96), isb(1, TIME), epb(0, 2, TIME, 96), epb(1, 5, TIME + 3000),
            shb("SHB-1", more=("order=other", *EMPTY)), SILLY, spb(1, 128), epb(0, 2, TIME, 128),
            CBS[1], nrb(), nrb(*OTHERS, more=NOTE), isb(0, TIME + 1000, *SOME_ISB, *EMPTY),
            spb(3, 128), epb(0, 4, TIME, 128),
            shb("SHB-2"), nrb(*OTHERS, more=NOTE), ETH, CBS[3], LOOP, isb(0),
            isb(0, 0, *FULL_ISB), epb(1, 5, TIME + 3000)],
}


def option_word(option):
    if option.code in (2988, 2989, 19372, 19373):
        return f"{option.name}={option.value[0]}:{option.raw[4:].hex()}"
    if option.code == 14:
        return f"opt_14={option.raw.hex()}"
    if isinstance(option.value, int):
        return f"{option.name}={option.value}"
    return f"{option.name}={(option.raw[1:] if option.name == 'if_filter' else option.raw).hex()}"


def words(block):
    """A block as a line of a case."""
    keys = {"IDB": ("linktype", "snaplen"), "EPB": ("interface", "ts", "len"), "SPB": ("len",),
            "ISB": ("interface", "ts")}
    yield block.name
    yield from (str(block[key]) for key in keys.get(block.name, ()))
    if block.name == "SHB":
        yield "order=" + ("little" if block.order == "<" else "big")
    if block.name in ("EPB", "SPB"):
        yield "data=" + block["data"].hex()
    if block.name.startswith("CUSTOM"):
        yield str(block["pen"])
        yield "body=" + block["body"].hex()
    for kind, address, names in block.fields.get("records", ()):
        yield from (f"record={kind}:{address.hex()}:{hexed(name)}" for name in names)
    yield from (option_word(o) for o in block.options)


def normal(line, order):
    """Options may come in any order; those with the same code keep theirs."""
    name, *rest = line.split(" ")
    if name == "SHB" and not any(w.startswith("order=") for w in rest):
        rest.append("order=" + order)
    if name.startswith("CUSTOM"):   # opaque data: only the vendor knows where it ends
        rest = [custom_body(rest, order)] if any(w.startswith("data=") for w in rest) else rest[1:]
    return [name, *sorted(rest, key=lambda w: w.split("=")[0])]


def custom_body(rest, order):
    data = bytes.fromhex(next(w for w in rest if w.startswith("data="))[5:])
    body = data + bytes(-len(data) % 4)
    for word in (w for w in rest if w.startswith("opt_comment=")):
        text = bytes.fromhex(word.split("=")[1])
        body += (1).to_bytes(2, order) + len(text).to_bytes(2, order) + text + bytes(-len(text) % 4)
    return "body=" + (body + bytes(4 if len(rest) > 2 else 0)).hex()


def with_order(case, order):
    other = {"little": "big", "big": "little"}[order]
    for line in case:
        if line.startswith("SHB"):
            now = other if "order=other" in line else order
            line = line.replace(" order=other", "") + " order=" + now
        yield now, line


def check_case(program, name, case, order, folder):
    lines = list(with_order(case, order))
    done = subprocess.run([program], input="".join(line + "\n" for _, line in lines).encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr.decode()}"
    path = Path(folder) / f"{name}-{order}.pcapng"
    path.write_bytes(done.stdout)
    blocks = check_pcapng.parse(done.stdout)
    assert len(blocks) == len(lines), f"{name}: {len(blocks)} of {len(lines)} blocks"
    for block, (now, line) in zip(blocks, lines):
        said, want = normal(" ".join(words(block)), now), normal(line, now)
        assert said == want, f"{name} {order}:\n  file  {said}\n  calls {want}"
    test_readers.compare_tshark(str(path), blocks)
    test_readers.compare_capinfos(str(path), blocks)


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            for order in ("little", "big"):
                check_case(program, name, case, order, folder)
    print(f"{len(CASES)} cases in two byte orders")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except test_readers.Missing as error:
        print(f"SKIP: {error}")
        sys.exit(77)
