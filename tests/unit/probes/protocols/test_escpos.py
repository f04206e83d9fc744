"""The ESC/POS codec: answers told apart by their fixed bits, however the stream is cut up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import escpos
from probes.protocols.escpos import (
    DLE_EOT,
    GS_R,
    MAKER,
    NEED_MORE,
    READ_REQUESTS,
    Asb,
    Byte,
    ErrorCause,
    OfflineCause,
    PrinterStatus,
    Reader,
    ReadRequest,
    RemoteProtocolError,
    Reply,
    RollPaperSensor,
    Text,
    encode,
    status_reading,
)
from probes.protocols.escpos_asb import paper_reading, pushed_block, reading_from_asb


def events(*pieces: bytes, expected: Reply = Reply.STATUS):
    """Return what the reader finds, and the bytes that it calls noise."""
    reader, found, noise = Reader(expected), [], b""
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


def status(value: int) -> Byte:
    return Byte(Reply.STATUS, value)


FIXTURES = [
    (bytes.fromhex("12"), Reply.STATUS, [status(0x12)]),
    (bytes.fromhex("1a32127e"), Reply.STATUS, [status(0x1A), status(0x32), status(0x12), status(0x7E)]),
    (bytes.fromhex("18000f0012"), Reply.STATUS, [Asb(0x18, 0, 0x0F, 0), status(0x12)]),
    (bytes.fromhex("12100003007e"), Reply.STATUS, [status(0x12), Asb(0x10, 0, 3, 0), status(0x7E)]),
    (bytes.fromhex("5f4550534f4e00"), Reply.TEXT, [Text("EPSON")]),
    (bytes.fromhex("5f00"), Reply.TEXT, [Text("")]),
    (bytes.fromhex("380000005f544d2d5432304949490012"), Reply.TEXT,
     [Asb(0x38, 0, 0, 0), Text("TM-T20III"), status(0x12)]),
    (bytes.fromhex("03"), Reply.SENSOR, [Byte(Reply.SENSOR, 3)]),
    (bytes.fromhex("63"), Reply.ID, [Byte(Reply.ID, 0x63)]),
    (bytes.fromhex("131112"), Reply.STATUS, [status(0x12)]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected", "found"), FIXTURES)
def test_whole_and_byte_by_byte(data, expected, found):
    assert events(data, expected=expected) == (found, b"")
    assert events(*(data[i : i + 1] for i in range(len(data))), expected=expected) == (found, b"")


@pytest.mark.parametrize(("data", "expected", "found"), [row for row in FIXTURES if row[1] is not Reply.ID])
def test_garbage_before_and_behind(data, expected, found):
    noise = b"\x81\xff\xe3"
    assert events(noise + data, expected=expected) == (found, noise)
    assert events(data + noise, expected=expected) == (found, noise)


@pytest.mark.parametrize(("data", "expected", "found"), FIXTURES)
def test_incomplete_is_need_more(data, expected, found):
    got, noise = events(data[:-1], expected=expected)
    assert got == found[: len(got)]
    assert noise == b""
    assert len(got) < len(found)


def test_a_block_that_was_cut_off_does_not_swallow_the_answer_behind_it():
    assert events(bytes.fromhex("180012")) == ([status(0x12)], b"\x18\x00")


def test_text_is_bounded():
    found, noise = events(b"\x5f" + b"A" * 5000, expected=Reply.TEXT)
    assert not found
    assert len(noise) > 4000


def test_a_text_header_is_noise_when_no_text_was_asked_for():
    assert events(b"\x5fAB\x00")[0] == []


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10), st.sampled_from(Reply))
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(data, cuts, expected):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert events(*pieces, expected=expected) == events(data, expected=expected)


@given(st.integers(0, 255))
def test_a_status_byte_and_a_block_are_never_mistaken_for_each_other(value):
    is_status = value & 0x93 == 0x12
    assert (events(bytes([value]))[0] == [status(value)]) is is_status
    block = bytes([value, 0, 0, 0])
    assert (events(block)[0] == [Asb(value, 0, 0, 0)]) is (value & 0x93 == 0x10)


def test_requests_are_the_documented_bytes():
    assert [encode(DLE_EOT[n]).hex() for n in (1, 2, 3, 4)] == ["100401", "100402", "100403", "100404"]
    assert encode(GS_R[1], MAKER).hex() == "1d72011d4942"
    assert {request.data[:2] for request in READ_REQUESTS} == {b"\x10\x04", b"\x1dr", b"\x1dI"}


@pytest.mark.parametrize(
    "data", ["1b7000197d", "100502", "101401000100", "1b40", "1d61ff", "48656c6c6f", "0a", "100405"]
)
def test_nothing_else_can_be_encoded(data):
    with pytest.raises(escpos.LocalProtocolError):
        encode(ReadRequest("DLE EOT 1", bytes.fromhex(data), Reply.STATUS, realtime=True))


def test_every_documented_bit_of_dle_eot():
    assert status_reading({1: 0x7E}).printer == PrinterStatus(0x6C) == (
        PrinterStatus.DRAWER_KICK_OUT_CONNECTOR_PIN_3_HIGH
        | PrinterStatus.OFFLINE
        | PrinterStatus.WAITING_FOR_ONLINE_RECOVERY
        | PrinterStatus.PAPER_FEED_BUTTON_PRESSED
    )  # fmt: skip
    assert status_reading({2: 0x32}).offline_cause == OfflineCause.PRINTING_STOPPED_BY_PAPER_END
    assert status_reading({2: 0x16}).offline_cause == OfflineCause.COVER_OPEN
    assert status_reading({3: 0x1A}).error_cause == ErrorCause.AUTOCUTTER_ERROR
    assert status_reading({3: 0x32}).error_cause == ErrorCause.UNRECOVERABLE_ERROR
    assert status_reading({4: 0x1E}).roll_paper == RollPaperSensor.NEAR_END
    assert (
        status_reading({4: 0x7E}).roll_paper == RollPaperSensor.NEAR_END | RollPaperSensor.PAPER_NOT_PRESENT
    )
    assert status_reading({}) == (None, None, None, None)


@pytest.mark.parametrize(
    ("block", "answers"),
    [
        ("10000000", {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}),
        ("38000000", {1: 0x1A, 2: 0x16, 3: 0x12, 4: 0x12}),
        ("10000300", {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x1E}),
        ("18000f00", {1: 0x1A, 2: 0x32, 3: 0x12, 4: 0x7E}),
        ("14000000", {1: 0x16, 2: 0x12, 3: 0x12, 4: 0x12}),
        ("180c0000", {1: 0x1A, 2: 0x52, 3: 0x1E, 4: 0x12}),
        ("18610000", {1: 0x3A, 2: 0x52, 3: 0x72, 4: 0x12}),
        ("48020000", {1: 0x5A, 2: 0x1A, 3: 0x12, 4: 0x12}),
    ],
)
def test_a_pushed_block_says_the_same_as_the_answers(block, answers):
    assert reading_from_asb(Asb(*bytes.fromhex(block))) == status_reading(answers)


def test_pushed_blocks_are_recognised_only_without_anything_else():
    assert pushed_block(bytes.fromhex("18000f00 10000000 10")) == Asb(0x18, 0, 0x0F, 0)
    for other in (
        b"",
        b"\x18",
        b"HTTP/1.1 400 Bad Request",
        bytes.fromhex("1218000f00"),
        bytes.fromhex("18000f00ff"),
    ):
        assert pushed_block(other) is None


def test_paper_by_gs_r():
    near, absent = RollPaperSensor.NEAR_END, RollPaperSensor.PAPER_NOT_PRESENT
    assert [paper_reading(value) for value in (0x00, 0x03, 0x0C, 0x0F)] == [0, near, absent, near | absent]
