"""The Star codec: blocks of every length, flow control in between, noise around."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import star
from probes.protocols.star import (
    ASB_REQUEST,
    NEED_MORE,
    ErrorStatus,
    JobStatus,
    PaperSensor,
    PrinterStatus,
    Reader,
    ReadRequest,
    RemoteProtocolError,
    block_size,
    encode,
    pushed_block,
)

IDLE = bytes.fromhex("230600000000000000")
BROKEN = bytes.fromhex("230628000008000000")
JAMMED = bytes.fromhex("230608080000000000")
SHORT = bytes.fromhex("0f060000000000")
EXPANDED = bytes.fromhex("238600000000000000")


def events(*pieces: bytes):
    reader, found, noise = Reader(), [], b""
    for piece in pieces:
        reader.feed(piece)
        while True:
            try:
                event = reader.next_event()
            except RemoteProtocolError as error:
                noise += error.data
                continue
            if event == NEED_MORE:
                break
            found.append(event)
    return found, noise


def test_lengths_of_the_manual():
    assert block_size(0x23) == 9
    assert block_size(0x0F) == 7


@pytest.mark.parametrize("data", [IDLE, BROKEN, JAMMED, SHORT, EXPANDED])
def test_whole_byte_by_byte_and_with_garbage(data):
    (found,), noise = events(data)
    assert (found.raw, noise) == (data, b"")
    assert events(*(data[i : i + 1] for i in range(len(data)))) == ([found], b"")
    assert events(data[:-1]) == ([], b"")
    assert events(b"\xff\x12" + data + b"\xfe") == ([found], b"\xff\x12\xfe")
    assert events(data[:4] + b"\xff" + data) == ([found], data[:4] + b"\xff")


def test_flow_control_is_skipped_wherever_it_stands():
    assert events(b"\x11" + BROKEN[:3] + b"\x13" + BROKEN[3:] + b"\x11")[0] == events(BROKEN)[0]


def test_bits():
    (broken,), _ = events(BROKEN)
    assert broken.printer == PrinterStatus.COVER_OPEN | PrinterStatus.OFFLINE
    assert broken.paper == PaperSensor.PAPER_END
    (jammed,), _ = events(JAMMED)
    assert (jammed.printer, jammed.error) == (PrinterStatus.OFFLINE, ErrorStatus.AUTOCUTTER_ERROR)
    (everything,), _ = events(bytes.fromhex("23066e6c6e0e000000"))
    assert everything.printer == PrinterStatus(0x6E)
    assert everything.error == ErrorStatus(0x6C)
    assert everything.job == JobStatus(0x6E)
    assert everything.paper == PaperSensor(0x0E)


def test_pushed_blocks_are_recognised_only_without_anything_else():
    assert pushed_block(IDLE + BROKEN + b"\x23").raw == IDLE
    for other in (b"", b"\x23\x06", bytes.fromhex("1218000f00"), b"\xff" + IDLE, IDLE + b"\xff"):
        assert pushed_block(other) is None


@given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=8))
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert events(*(data[a:b] for a, b in pairwise(edges))) == events(data)


def test_one_request_and_no_other():
    assert encode(ASB_REQUEST) == b"\x1b\x06\x01"
    with pytest.raises(star.LocalProtocolError):
        encode(ReadRequest("ESC ACK SOH", b"\x07"))
