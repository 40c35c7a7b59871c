#!/usr/bin/env python3
"""Holds the ISO 8583 codec against two that nobody here wrote: pyiso8583, and tshark's dissector.

usage: iso8583_peer.py FILTER [--seed N] [--messages N] [--tshark required|optional|never]

FILTER is the program that encodes and decodes one line at a time (examples/iso8583_lines.rs). The
peer is installed into a virtual environment of its own; nothing else is left behind. What the peer
knows of each field is its own table of ISO 8583:1987. Only where UnionPay's profile differs is it
told so, below.
"""

import argparse
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile

# The tree stays as it was.
sys.dont_write_bytecode = True

from play import with_libraries

LIBRARIES = {"iso8583": "pyiso8583==4.0.1"}
PORT = 8583

# number: (digits of the length, greatest length). Lengths of the switch's private fields, and fields
# that the peer's table has in another form.
PROFILE = {
    "48": (3, 512),
    "54": (3, 120),
    "55": (3, 255),
    "56": (3, 512),
    "57": (3, 100),
    "59": (3, 600),
    "60": (3, 100),
    "61": (3, 200),
    "62": (3, 200),
    "63": (3, 512),
    "104": (3, 512),
    "113": (3, 512),
    "116": (3, 512),
    "117": (3, 256),
    "121": (3, 100),
    "122": (3, 100),
    "123": (3, 100),
    "125": (3, 256),
    "126": (3, 256),
}

DIGITS = "2 3 4 5 6 7 9 10 11 12 13 14 15 16 18 19 22 23 25 26 32 33 53 70 90 99 100".split()
TRACKS = ["35", "36"]
BINARY = ["52", "55", "64", "96", "128"]
ALPHANUMERIC = ["37", "38", "39", "49", "50", "51"]
TEXT = "41 42 43 44 45 48 54 56 57 59 60 61 62 63 102 103 104 113 116 117 121 122 123 125 126".split()
FIELDS = DIGITS + TRACKS + BINARY + ALPHANUMERIC + TEXT + ["28"]
TYPES = "0100 0110 0200 0210 0220 0221 0230 0420 0421 0430 0800 0810 0820 0830".split()
VARIABLE_DIGITS = {"2", "32", "33", "35", "36", "99", "100"}


def peer():
    """The peer, if need be from an environment of its own."""
    with_libraries(LIBRARIES)
    import iso8583

    return iso8583


def specification(coding):
    from iso8583.specs import default

    spec = copy.deepcopy(default)
    for number, (digits, longest) in PROFILE.items():
        spec[number].update(len_type=digits, max_len=longest)
    for number in TEXT:
        # GBK passes through as bytes.
        spec[number]["data_enc"] = "latin-1"
    if coding == "text":
        for number in ["p", "1"] + BINARY:
            if number != "55":
                spec[number].update(data_enc="ascii", max_len=2 * spec[number]["max_len"])
    if coding == "packed":
        spec["t"].update(data_enc="b", max_len=2)
        for number in FIELDS:
            field = spec[number]
            if field["len_type"]:
                field.update(len_enc="bcd", len_type=(field["len_type"] + 1) // 2)
            if number in DIGITS + TRACKS:
                side = "right_pad" if number in VARIABLE_DIGITS else "left_pad"
                field.update({"data_enc": "b", "len_count": "nibbles", side: "0"})
    return spec


HOST = {}


class Filter:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def value(chance, number):
    """Characters for text; hexadecimal for binary fields, as the peer has them."""
    host = HOST[number]
    variable = host["len_type"] > 0
    length = chance.randint(1, host["max_len"]) if variable else host["max_len"]
    if number in BINARY:
        return chance.randbytes(length).hex().upper()
    if number == "28":
        return chance.choice("CD") + "".join(chance.choices("0123456789", k=length - 1))
    if number in DIGITS:
        return "".join(chance.choices("0123456789", k=length))
    if number in TRACKS:
        return "".join(chance.choices("0123456789=", k=length))
    if number in ALPHANUMERIC:
        return "".join(chance.choices("ABCxyz0189", k=length))
    return "".join(chance.choices([chr(c) for c in [*range(0x20, 0x7F), *range(0x80, 0xFF)]], k=length))


def raw(number, text):
    """A field's value as the filter has it."""
    return text.lower() if number in BINARY else text.encode("latin-1").hex()


def as_peer(number, text, coding):
    """The separator of tracks is the digit D where digits are packed."""
    return text.replace("=", "D") if coding == "packed" and number in TRACKS else text


def message(chance, coding):
    numbers = [n for n in chance.sample(FIELDS, chance.randint(1, len(FIELDS))) if (coding, n) != ("text", "55")]
    return chance.choice(TYPES), {n: value(chance, n) for n in sorted(numbers, key=int)}


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}\n  got    {got}\n  wanted {wanted}")


def against_the_peer(iso8583, codec, coding, kind, fields):
    spec = specification(coding)
    ours = codec.ask(f"encode {coding} {kind}" + "".join(f" {n}={raw(n, v)}" for n, v in fields.items()))
    if ours.startswith("error"):
        sys.exit(f"{coding} {kind}: {ours}")

    # What we wrote, it reads.
    read, _ = iso8583.decode(bytes.fromhex(ours), spec)
    expect(f"{coding} {kind}: type", read["t"], kind)
    got = {n: v.upper() if n in BINARY else v for n, v in read.items() if n.isdigit() and n != "1"}
    expect(f"{coding} {kind}: fields", got, {n: as_peer(n, v, coding) for n, v in fields.items()})

    # What it writes, we read; and it is the same, byte for byte.
    theirs, _ = iso8583.encode({"t": kind, **{n: as_peer(n, v, coding) for n, v in fields.items()}}, spec)
    expect(f"{coding} {kind}: bytes", ours, theirs.hex())
    back = codec.ask(f"decode {coding} {theirs.hex()}")
    expect(f"{coding} {kind}: read", back, kind + "".join(f" {n}={raw(n, v)}" for n, v in fields.items()))
    return ours


def dissected(codec, coding, messages):
    """Every field that tshark shows of these messages, one message to a segment."""
    with tempfile.TemporaryDirectory() as folder:
        text, capture = os.path.join(folder, "dump"), os.path.join(folder, "pcap")
        with open(text, "w") as dump:
            for one in messages:
                frame = bytes.fromhex(codec.ask(f"frame {one}"))
                for at in range(0, len(frame), 16):
                    dump.write(f"{at:06x} " + " ".join(f"{b:02x}" for b in frame[at : at + 16]) + "\n")
        subprocess.run(["text2pcap", "-q", "-T", f"40000,{PORT}", text, capture], check=True, capture_output=True)
        yield from shown_by_tshark(capture, PORT, coding)


def shown_by_tshark(capture, port, coding):
    """What tshark shows of a capture, segment by segment: type, faults, and every field."""
    charset = "in nibbles" if coding == "packed" else "as ASCII Characters"
    binary = "represented as Hex Ascii characters" if coding == "text" else "not encoded"
    bits = range(2, 129)
    command = ["tshark", "-r", capture, "-d", f"tcp.port=={port},iso8583", "-T", "fields", "-E", "separator=/t"]
    command += ["-o", f"iso8583.charset:Digits represented {charset}", "-o", f"iso8583.binencode:Bin data {binary}"]
    command += ["-o", "iso8583.len_endian:Big endian", "-e", "iso8583.mti"]
    command += ["-e", "iso8583.MALFORMED", "-e", "_ws.malformed", "-e", "_ws.expert.message"]
    command += [word for bit in bits for word in ("-e", f"iso8583.bit{bit}")]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.removesuffix("\n").split("\n")
    for kind, *values in (line.split("\t") for line in lines):
        faults, values = values[:3], values[3:]
        yield kind, [f for f in faults if f], {str(bit): v for bit, v in zip(bits, values) if v}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("filter")
    arguments.add_argument("--seed", type=int, default=8583)
    arguments.add_argument("--messages", type=int, default=500)
    arguments.add_argument("--tshark", choices=["required", "optional", "never"], default="optional")
    arguments = arguments.parse_args()

    iso8583 = peer()
    HOST.update(specification("host"))
    chance = random.Random(arguments.seed)
    codec = Filter(arguments.filter)
    passed = 0
    for coding in ["host", "packed", "text"]:
        for _ in range(arguments.messages):
            against_the_peer(iso8583, codec, coding, *message(chance, coding))
            passed += 1
    print(f"pyiso8583: {passed} messages written and read both ways, seed {arguments.seed}")

    if arguments.tshark == "never":
        pass
    elif not (shutil.which("tshark") and shutil.which("text2pcap")):
        if arguments.tshark == "required":
            sys.exit("tshark is not installed")
        print("tshark: not installed, nothing dissected")
    else:
        passed += against_tshark(codec, chance, arguments.messages)
    expect("the filter ended", codec.close(), 0)
    print(f"{passed} passed, 0 failed")


# What the dissector's table has otherwise than ISO 8583:1987 or UnionPay: tracks and 55 are text or
# binary to it, 53 has eight digits, 54 and 104 are shorter.
TSHARK_DIFFERS = {"35", "36", "53", "54", "55", "104"}


def differs(coding, number, text):
    # It fills an odd number of packed digits up at the left even where the length varies.
    # It also packs the sign of 28 as a digit.
    if coding == "packed" and number == "28":
        return True
    odd = coding == "packed" and number in VARIABLE_DIGITS and len(text) % 2 == 1
    return odd or number in TSHARK_DIFFERS


def passed_over(coding, message):
    """With raw bitmaps it still looks at sixteen bytes as if they were text, and turns away messages in
    which those happen to make sixteen bytes of UTF-8."""
    text = bytes.fromhex(message)[4:20].split(b"\0")[0].decode("ascii", "replace").encode()
    return coding != "text" and len(text) == 16 and not all(c in b"0123456789abcdefABCDEF" for c in text)


def told(number, text):
    """tshark prints text as UTF-8, so what is no ASCII would not come back."""
    return text if number in BINARY else "".join(c if c.isascii() else "?" for c in text)


def against_tshark(codec, chance, count):
    """Where fields begin and end, and what stands in them, as the dissector shows it."""
    passed = 0
    for coding in ["host", "packed", "text"]:
        sent = []
        for _ in range(min(count, 100)):
            kind, fields = message(chance, coding)
            # Shorter messages the dissector does not take for ISO 8583 at all, and it looks past the
            # end of one whose last field is short and packed; so there is always a MAC.
            fields |= {n: value(chance, n) for n in ("2", "4", "7", "11", "37", "41", "42", "128")}
            fields = {n: v for n, v in sorted(fields.items(), key=lambda item: int(item[0]))}
            fields = {n: told(n, v) for n, v in fields.items() if not differs(coding, n, v)}
            line = f"encode {coding} {kind}" + "".join(f" {n}={raw(n, v)}" for n, v in fields.items())
            one = codec.ask(line)
            if not passed_over(coding, one):
                sent.append((kind, fields, one))
        shown = list(dissected(codec, coding, [one for _, _, one in sent]))
        expect(f"tshark {coding}: messages", len(shown), len(sent))
        for (kind, fields, one), (got_kind, faults, got) in zip(sent, shown):
            expect(f"tshark {coding} {one}: faults", faults, [])
            expect(f"tshark {coding} {one}: type", got_kind, kind)
            expect(f"tshark {coding} {one}: fields", sorted(got), sorted(fields))
            for n, v in fields.items():
                # This version shows a stray character after eight raw bytes.
                shown = got[n][: len(v)] if n in BINARY else got[n]
                expect(f"tshark {coding} {one}: field {n}", shown.strip().upper(), v.strip().upper())
            passed += 1
    print(f"tshark: {passed} messages dissected, every field as sent, no fault named")
    return passed


if __name__ == "__main__":
    main()
