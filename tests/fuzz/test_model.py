#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random calls to the writer: the files, decoded as the draft says, match the calls.

    test_model.py MODEL_PROGRAM PCAPNG_TESTS_FOLDER [SEED]
"""
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 200


def option_words(option):
    if option.code in (2989, 19373):
        pen, data = option.value
        return [f"pen={pen}", f"{'public' if option.code == 2989 else 'private'}={data.hex()}"]
    if option.name == "epb_processid_threadid":
        return [f"pid={option.value[0]}", f"tid={option.value[1]}"]
    if option.name == "epb_hash":
        return [f"epb_hash={option.value[0]}:{option.value[1].hex()}"]
    if option.name == "epb_verdict":
        return [f"epb_verdict={option.value[0]}:{option.value[1]}"]
    if option.code >= 0x8000:
        return [f"local={option.code}", f"value={option.raw.hex()}"]
    if isinstance(option.value, str):
        return [f"{option.name}={option.raw.hex()}"]
    return [f"{option.name}={option.value}"]


def words(block):
    if block.name == "IDB":
        yield from ("IDB", block["linktype"], block["snaplen"])
    elif block.name == "EPB":
        yield from ("EPB", block["interface"], block["ts"], block["caplen"], block["len"])
        yield "data=" + block["data"].hex()
    elif block.name == "SPB":
        yield from ("SPB", block["caplen"], block["len"], "data=" + block["data"].hex())
    elif block.name == "JOURNAL":
        yield from ("JOURNAL", "data=" + block["data"].hex())
    elif block.name.startswith("CUSTOM"):
        yield from (block.name, f"pen={block['pen']}", "body=" + block["body"].hex())
    elif block.name == "ISB":
        yield from ("ISB", block["interface"], block["ts"])
    elif block.name == "DSB":
        yield from ("DSB", "data=" + block["data"].hex())
    elif block.name == "NRB":
        yield "NRB"
        for _, address, names in block["records"]:
            yield "address=" + address.hex()
            yield from ("name=" + name.encode().hex() for name in names)
    elif block.name == "SHB":
        yield "SHB"
    else:
        yield from (block.name, "body=" + block["body"].hex())
    for option in block.options:
        yield from option_words(option)


def main(program, tests, seed="1"):
    sys.path.insert(0, tests)
    import check_pcapng
    kinds = set()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, seed, str(COUNT), folder], check=True)
        for number in range(COUNT):
            path = Path(folder) / f"{number}.pcapng"
            data = path.read_bytes()
            model = path.with_suffix(".model").read_text(encoding="ascii").splitlines()
            blocks = check_pcapng.parse(data) if data else []
            said = [" ".join(str(w) for w in words(b)) for b in blocks]
            kinds |= {b.name for b in blocks} | {o.name for b in blocks for o in b.options}
            for seen, want in zip(said, model):
                assert seen == want, f"script {number}:\n  file  {seen}\n  calls {want}"
            assert len(said) == len(model), f"script {number}: {len(said)} of {len(model)} blocks"
    missing = {"SHB", "IDB", "EPB", "SPB", "ISB", "DSB", "NRB", "JOURNAL", "CUSTOM",
               "CUSTOM_NO_COPY", "epb_queue", "epb_hash", "epb_verdict", "opt_comment"} - kinds
    assert not missing, f"never happened: {missing}"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
