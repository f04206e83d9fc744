"""The codecs of scales: documented frames, in any pieces, among noise; nothing but questions can be sent.

Frames: docs/devices.md; those of Toledo and SMA were heard from emupos, "get weight" of Massa-K was captured
from a real scale, those of CAS and Shtrih-M are computed from the vendors' documents.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import cas, massak, sma, toledo8217
from probes.protocols.scale_frames import (
    NEED_MORE,
    LocalProtocolError,
    ReadRequest,
    RemoteProtocolError,
    ScaleError,
    without_parity,
)
from probes.protocols.toledo8217 import ScaleStatus

CODECS = {"toledo8217": toledo8217, "sma": sma, "cas": cas, "massak": massak}


class Found(NamedTuple):
    """What a reader found: answers, the bytes that it dropped, what was damaged."""

    events: list
    noise: bytes
    damage: list


def found(codec, *pieces: bytes) -> Found:
    reader, events, noise, damage = codec.Reader(), [], b"", []
    for piece in pieces:
        reader.feed(piece)
        while True:
            try:
                event = reader.next_event()
            except RemoteProtocolError as error:
                noise += error.data
                damage += [error.damage] if error.damage != "noise" else []
                continue
            if event == NEED_MORE:
                break
            events.append(event)
    return Found(events, noise, damage)


def hexes(text: str) -> bytes:
    return bytes.fromhex(text)


TOLEDO = {
    "empty pan": ("02 30 30 2E 30 30 30 0D", ("00.000", False)),
    "1.250 kg": ("02 30 31 2E 32 35 30 0D", ("01.250", False)),
    "net": ("02 30 30 2E 35 30 30 4E 0D", ("00.500", True)),
    "moving": ("02 3F 01 0D", ScaleStatus.SCALE_IN_MOTION),
    "20 kg on 15 kg": ("02 3F 02 0D", ScaleStatus.OVER_CAPACITY),
    "below zero": ("02 3F 04 0D", ScaleStatus.UNDER_ZERO),
    "unknown command": ("02 3F 50 0D", ScaleStatus.CENTER_OF_ZERO),
    "all, bit 6 set": ("02 3F 7F 0D", ScaleStatus(0x3F)),
    "a status that looks like CR": (
        "02 3F 0D 0D",
        ScaleStatus.SCALE_IN_MOTION | ScaleStatus.UNDER_ZERO | ScaleStatus.OUTSIDE_ZERO_CAPTURE_RANGE,
    ),
}
SMA = {
    "1.250 kg": (
        "0A 20 31 47 20 20 20 20 20 20 20 31 2E 32 35 30 6B 67 5F 0D",
        (" ", False, Decimal("1.250"), "kg"),
    ),
    "over": (b"\nO1G      20.000kg_\r".hex(), ("O", False, Decimal("20.000"), "kg")),
    "moving": (b"\n 1GM      0.500lb_\r".hex(), (" ", True, Decimal("0.500"), "lb")),
    "below zero": (b"\nU1N      -0.100kg_\r".hex(), ("U", False, Decimal("-0.100"), "kg")),
    "zero error": (b"\nE1G  ----------kg_\r".hex(), ("E", False, None, "kg")),
}
MASSA_CAPTURE = "F8 55 CE 0D 00 24 00 00 00 00 01 01 00 01 00 00 00 00 FC 23"
MASSA_1250 = "F8 55 CE 0D 00 24 E2 04 00 00 01 01 00 00 00 00 00 00 8A F9"
CAS = {
    "01 02 53 20 20 31 2E 32 35 30 6B 67 77 03 04": (True, False, Decimal("1.250"), "kg"),
    "01 02 55 2D 20 30 2E 30 30 35 6B 67 7F 03 04": (False, False, Decimal("-0.005"), "kg"),
    "01 02 53 46 20 20 20 20 20 20 6B 67 19 03 04": (True, True, None, "kg"),
    # the variant with seven characters (r_keeper's page); and 81 as the first byte
    "81 02 53 20 20 20 31 2E 32 35 30 6B 67 57 03 04": (True, False, Decimal("1.250"), "kg"),
}
STREAMS = [
    (toledo8217, hexes("".join(text for text, _ in TOLEDO.values()))),
    (sma, hexes("".join(text for text, _ in SMA.values())) + b"\nSMA:2/1.0\r\n    \r\n?\r\nEND:\r"),
    (cas, hexes("06 15" + "".join(CAS))),
    (massak, hexes(MASSA_CAPTURE + MASSA_1250 + "F8 55 CE 02 00 28 08 08 28")),
]


@pytest.mark.parametrize(("text", "expected"), TOLEDO.values(), ids=TOLEDO)
def test_toledo(text, expected):
    (event,) = found(toledo8217, hexes(text)).events
    if isinstance(event, toledo8217.Weight):
        assert (event.text, event.net) == expected
    else:
        assert event.status == expected
        assert event.byte == hexes(text)[2]


@pytest.mark.parametrize(("text", "expected"), SMA.values(), ids=SMA)
def test_sma(text, expected):
    (event,) = found(sma, hexes(text)).events
    assert (event.status, event.motion, event.weight, event.unit) == expected


def test_sma_lines_about_the_scale():
    events = found(sma, b"\nSMA:2/1.0\r\nMOD:SIM 15\r\n R  \r\n?\r\n!\r\nEND:\r").events
    assert [event[:-1] for event in events] == [
        ("SMA", "2/1.0"), ("MOD", "SIM 15"), (" R  ",), ("?",), ("!",), ("END", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("text", CAS)
def test_cas(text):
    (event,) = found(cas, hexes(text)).events
    assert (event.stable, event.overload, event.weight, event.unit) == CAS[text]


def test_cas_wrong_bcc():
    assert found(cas, hexes("01 02 53 20 20 31 2E 32 35 30 6B 67 78 03 04")).damage == ["checksum"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"ST,GS,1\x44,   1.250 kg\r\n", ("ST", True, Decimal("1.250"), "kg")),
        (b"US,NT,1\x02,  -0.005 kg\r\n", ("US", False, Decimal("-0.005"), "kg")),
        (b"US,NT,1\x02,-  0.005 kg\r\n", ("US", False, Decimal("-0.005"), "kg")),
        (b"OL,GS,1\x00,         kg\r\n", ("OL", True, None, "kg")),
    ],
)
def test_cas_stream(line, expected):
    assert len(line) == 22
    for data in (line, b"noise" + line, b"\r\nT,GS,1\x44,   1.250 kg\r\n" + line + line[:9]):
        read = cas.last_stream_line(
            data if data.startswith(line[:2]) else b"\n" + data
        ) or cas.last_stream_line(line)
        assert (read.header, read.gross, read.weight, read.unit) == expected
    assert cas.last_stream_line(line[:-1]) is None


def test_massak():
    (frame,) = found(massak, hexes(MASSA_CAPTURE)).events
    assert massak.parse_weight(frame) == (Decimal(0), 1, True, False, True)
    (frame,) = found(massak, hexes(MASSA_1250)).events
    assert massak.parse_weight(frame) == (Decimal(1250), 1, True, False, False)
    (frame,) = found(massak, hexes("F8 55 CE 02 00 28 08 08 28")).events
    assert (frame.command, frame.data) == (massak.CMD_ERROR, b"\x08")
    assert massak.parse_weight(frame) is None


@pytest.mark.parametrize(
    ("code", "grams"), [(0, "125"), (1, "1250"), (2, "12500"), (3, "125000"), (4, "1250000")]
)
def test_massak_divisions(code, grams):
    short = massak.Frame(0x10, (1250).to_bytes(4, "little") + bytes((code, 1)), b"")
    assert massak.parse_weight(short).grams == Decimal(grams)


def test_massak_what_is_no_weight_and_no_division():
    assert massak.parse_weight(massak.Frame(0x24, b"scale ids of some length", b"")) is None
    assert massak.parse_weight(massak.Frame(0x10, bytes(4) + b"\x07\x01", b"")).grams is None
    negative = massak.Frame(0x10, (-500).to_bytes(4, "little", signed=True) + b"\x01\x01", b"")
    assert massak.parse_weight(negative).grams == -500


def test_massak_requests_in_both_orders():
    assert massak.encode(massak.CMD_GET_MASSA) == hexes("F8 55 CE 01 00 23 23 00")
    assert massak.encode(massak.CMD_TCP_GET_WEIGHT) == hexes("F8 55 CE 01 00 A0 A0 00")
    assert massak.encode(massak.CMD_UDP_POLL) == hexes("F8 55 CE 01 00 00 00 00")
    assert massak.encode(massak.CMD_GET_MASSA, "big") == hexes("F8 55 CE 00 01 23 00 23")
    body = hexes(MASSA_1250)[5:-2]
    (frame,) = found(massak, massak.frame(body, "big")).events
    assert massak.parse_weight(frame).grams == 1250


def test_massak_name():
    answer = massak.Frame(0x21, (123456).to_bytes(4, "little") + "Весы 1".encode("cp1251") + b"\r\n", b"")
    assert massak.parse_name(answer) == (123456, "Весы 1")
    assert massak.parse_name(massak.Frame(0x28, b"\x07", b"")) is None


@pytest.mark.parametrize("text", [MASSA_CAPTURE, MASSA_1250])
def test_massak_damage(text):
    good = hexes(text)
    for place in range(5, len(good)):
        bad = bytearray(good)
        bad[place] ^= 0x10
        assert found(massak, bytes(bad)).damage == ["checksum"]
    assert found(massak, b"\xf8\x55\xce\x00\x00").damage == ["length"]


@pytest.mark.parametrize(
    ("codec", "data"),
    STREAMS,
    ids=lambda value: value.__name__.rpartition(".")[2] if hasattr(value, "__name__") else "",
)
def test_whole_byte_by_byte_and_among_noise(codec, data):
    whole = found(codec, data)
    assert (whole.noise, whole.damage) == (b"", [])
    assert len(whole.events) >= 3
    assert b"".join(event.raw for event in whole.events) == data
    assert found(codec, *(data[i : i + 1] for i in range(len(data)))) == whole
    noise = b"\xe3\x81\xff\x9d"
    assert found(codec, noise + data) == whole._replace(noise=noise)
    assert found(codec, data + noise).events == whole.events
    for place in range(1, len(data)):  # a piece lost in the middle costs the answers that it hits, no others
        lost = found(codec, data[:place] + data[place + 1 :])
        assert len(lost.events) >= len(whole.events) - 2
        assert all(event in whole.events for event in lost.events if codec is massak)


@given(st.sampled_from(list(CODECS)), st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(name, data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert found(CODECS[name], *pieces) == found(CODECS[name], data)


@given(
    st.sampled_from(STREAMS),
    st.lists(st.tuples(st.integers(0, 120), st.binary(min_size=1, max_size=6)), max_size=4),
    st.lists(st.integers(0, 150), max_size=6),
)
def test_noise_in_between_and_any_split(stream, inserts, cuts):
    codec, data = stream
    for place, noise in inserts:
        data = data[:place] + noise + data[place:]
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert found(codec, *(data[a:b] for a, b in pairwise(edges))) == found(codec, data)


@pytest.mark.parametrize("name", CODECS)
def test_only_questions_can_be_sent(name):
    codec = CODECS[name]
    known = {request.data for request in codec.READ_REQUESTS}
    for request in codec.READ_REQUESTS:
        assert codec.encode(request)
    for data in [bytes((value,)) for value in range(256)] + [
        b"\nZ\r",
        b"\nT\r",
        b"\nR\r",
        b"\nT1.0\r",
        b"W\r",
    ]:
        if data not in known:
            with pytest.raises(LocalProtocolError):
                codec.encode(ReadRequest("W", data))
    assert not known & {b"Z", b"T", b"C", b"\nZ\r", b"\nT\r", b"\nC\r", b"\x72", b"\xa3", b"\x26", b"\x31"}


def test_the_bytes_of_the_questions():
    assert toledo8217.encode(toledo8217.WEIGHT) == b"W"
    assert sma.encode(sma.WEIGHT) == b"\nW\r"
    assert (cas.encode(cas.ENQ), cas.encode(cas.DC1)) == (b"\x05", b"\x11")


def test_parity():
    even = bytes(byte | (byte.bit_count() & 1) << 7 for byte in b"\x0201.250\r")
    assert without_parity(even) == (b"\x0201.250\r", "even")
    assert without_parity(bytes(byte ^ 0x80 for byte in even)) == (b"\x0201.250\r", "odd")
    assert without_parity(bytes(byte | 0x80 for byte in b"\x0201.250\r")) == (b"\x0201.250\r", "mark")
    assert without_parity(b"\x0201.250\r") is None
    assert without_parity(b"\x82\x81") is None
    assert issubclass(RemoteProtocolError, ScaleError)
