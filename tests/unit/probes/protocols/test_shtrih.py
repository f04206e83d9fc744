"""Shtrih-M, the standard protocol. The frames: docs/devices.md, and pyshtrih 2.0.6 where it says so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import shtrih
from probes.protocols.shtrih import (
    NEED_MORE,
    ChecksumError,
    Command,
    Control,
    Frame,
    LocalProtocolError,
    Reader,
    RemoteProtocolError,
)

REQUESTS = {
    shtrih.GET_DEVICE_TYPE: "02 01 FC FD",
    shtrih.GET_SHORT_STATUS: "02 05 10 1E 00 00 00 0B",
    shtrih.GET_STATUS: "02 05 11 1E 00 00 00 0A",
    shtrih.FN_GET_STATUS: "02 06 FF 01 1E 00 00 00 E6",
    shtrih.FN_GET_NUMBER: "02 06 FF 02 1E 00 00 00 E5",
    shtrih.FN_GET_EXPIRY: "02 06 FF 03 1E 00 00 00 E4",
    shtrih.FN_GET_EXCHANGE: "02 06 FF 39 1E 00 00 00 DE",
    shtrih.FN_GET_SHIFT: "02 06 FF 40 1E 00 00 00 A7",
}
ANSWER = bytes.fromhex("02 08 FF 03 00 1A 0C 1F 0B 02 F4")
BODIES = st.binary(min_size=1, max_size=255)


def events(stream: bytes, pieces: list[int] | None = None) -> list[object]:
    """Return what a reader makes of a stream that comes in pieces; its errors as they are."""
    reader, found = Reader(), []
    cuts = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in pieces or ())})
    for start, end in pairwise(cuts):
        reader.feed(stream[start:end])
        while True:
            try:
                event = reader.next_event()
            except RemoteProtocolError as error:
                found.append(error)
                continue
            if event == NEED_MORE:
                break
            found.append(event)
    return found


def sound(stream: bytes, pieces: list[int] | None = None) -> list[object]:
    return [event for event in events(stream, pieces) if not isinstance(event, Exception)]


@pytest.mark.parametrize(
    ("command", "frame"), REQUESTS.items(), ids=lambda value: getattr(value, "name", None)
)
def test_requests_are_the_documented_frames(command: Command, frame: str) -> None:
    assert shtrih.encode(command) == bytes.fromhex(frame)


def test_a_cashier_s_password() -> None:
    assert shtrih.encode(shtrih.GET_SHORT_STATUS, 1) == bytes.fromhex(
        "02 05 10 01 00 00 00 14"
    )  # as pyshtrih


@pytest.mark.parametrize("password", [-1, 100_000_000])
def test_a_password_that_cannot_be_one(password: int) -> None:
    with pytest.raises(LocalProtocolError):
        shtrih.encode(shtrih.GET_STATUS, password)


@pytest.mark.parametrize("code", ["12", "13", "17", "1e", "41", "85", "b0", "ff08", "ff0b", "ff43"])
def test_nothing_but_reads_can_be_encoded(code: str) -> None:
    with pytest.raises(LocalProtocolError):
        shtrih.encode(Command(f"{code}h", bytes.fromhex(code)))


@given(st.binary(min_size=1, max_size=4), st.text(max_size=8), st.booleans())
def test_no_command_that_is_made_up_can_be_encoded(code: bytes, name: str, password: bool) -> None:
    command = Command(name, code, password)
    if command not in shtrih.READ_COMMANDS:
        with pytest.raises(LocalProtocolError):
            shtrih.payload(command)


def test_which_commands_are_for_the_storage() -> None:
    assert {c.name for c in shtrih.READ_COMMANDS if not c.fn} == {"FCh", "10h", "11h"}


@pytest.mark.parametrize(
    ("frame", "code", "error"), [("02 02 10 4F 5D", b"\x10", 0x4F), ("02 02 10 4E 5C", b"\x10", 0x4E)]
)
def test_an_answer_with_an_error(frame: str, code: bytes, error: int) -> None:
    (event,) = events(bytes.fromhex(frame))
    assert isinstance(event, Frame)
    assert shtrih.parse_answer(event.body) == (code, error, b"")


def test_a_storage_s_answer_has_a_code_of_two_bytes() -> None:
    (event,) = events(ANSWER)
    assert shtrih.parse_answer(event.body) == (b"\xff\x03", 0, bytes.fromhex("1A 0C 1F 0B 02"))


@pytest.mark.parametrize("body", [b"", b"\x10", b"\xff", b"\xff\x01"])
def test_an_answer_without_a_result(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        shtrih.parse_answer(body)


def test_control_bytes_and_stray_ff() -> None:
    found = events(b"\x15\xff\xff\x06\xff" + ANSWER + b"\x05")
    assert found == [Control.NAK, Control.ACK, Frame(ANSWER[2:-1], ANSWER), Control.ENQ]


def test_a_wrong_checksum_is_told_apart_from_noise() -> None:
    (error,) = events(ANSWER[:-1] + b"\x00")
    assert isinstance(error, ChecksumError)
    (error,) = events(b"\x02\x00")
    assert not isinstance(error, ChecksumError)


def test_a_cut_off_frame_is_pending_and_can_be_dropped() -> None:
    reader = Reader()
    reader.feed(ANSWER[:5])
    assert reader.next_event() == NEED_MORE
    assert reader.pending == ANSWER[:5]
    assert reader.drop() == ANSWER[:5]
    assert reader.pending == b""


@given(
    st.lists(st.one_of(BODIES, st.sampled_from([b"", b"\x06", b"\x15"])), max_size=6),
    st.lists(st.integers(0)),
)
def test_any_split_gives_the_same_events(parts: list[bytes], pieces: list[int]) -> None:
    stream = b"".join(
        part if part in {b"\x06", b"\x15"} else shtrih.frame(part) if part else b"" for part in parts
    )
    whole = events(stream)
    assert events(stream, pieces) == whole
    assert events(stream, list(range(len(stream)))) == whole


@given(BODIES)
def test_a_frame_is_read_back(body: bytes) -> None:
    assert events(shtrih.frame(body)) == [Frame(body, shtrih.frame(body))]


# 02 would begin a frame, and the three control bytes are events of their own
NOISE = st.binary(max_size=20).map(lambda data: bytes(byte for byte in data if byte not in {2, 5, 6, 0x15}))


@given(NOISE, NOISE, BODIES, st.lists(st.integers(0)))
def test_noise_before_and_after_hides_no_frame(
    before: bytes, after: bytes, body: bytes, pieces: list[int]
) -> None:
    assert sound(before + shtrih.frame(body) + after, pieces) == [Frame(body, shtrih.frame(body))]


@given(BODIES, st.integers(0), st.integers(1, 255))
def test_a_damaged_byte_never_gives_the_frame(body: bytes, place: int, change: int) -> None:
    raw = bytearray(shtrih.frame(body))
    raw[place % len(raw)] ^= change
    assert Frame(body, shtrih.frame(body)) not in events(bytes(raw))


@given(st.binary(max_size=600), st.lists(st.integers(0)))
def test_random_bytes_raise_nothing_else(data: bytes, pieces: list[int]) -> None:
    for event in events(data, pieces):
        assert isinstance(event, Control | Frame | RemoteProtocolError)


def test_lrc() -> None:
    assert shtrih.lrc(b"") == 0
    assert shtrih.lrc(bytes.fromhex("01 FC")) == 0xFD
