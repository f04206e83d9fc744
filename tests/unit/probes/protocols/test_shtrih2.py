"""Shtrih-M, protocol 2. Frames of docs/devices.md; the CRC has the check value of CRC-16/CCITT-FALSE."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import shtrih, shtrih2
from probes.protocols.shtrih import NEED_MORE, ChecksumError, LocalProtocolError, RemoteProtocolError
from probes.protocols.shtrih2 import Frame2, Reader

BODIES = st.binary(min_size=1, max_size=300)
NUMS = st.integers(0, 0xFFFF)
SPECIAL = st.lists(st.sampled_from([0x8F, 0x9F, 0x81, 0x83, 0x00]), min_size=1, max_size=40).map(bytes)


def events(stream: bytes, pieces: list[int] | None = None, *, from_host: bool = False) -> list[object]:
    reader, found = Reader(from_host=from_host), []
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
    return [event for event in events(stream, pieces) if isinstance(event, Frame2)]


def test_the_documented_frames() -> None:
    assert bytes.fromhex("8F 00 00 0F 1D") == shtrih2.SYNC
    assert shtrih2.frame(5) == bytes.fromhex("8F 00 00 05 00 35 7B")
    expected = bytes.fromhex("8F 07 00 01 00 10 1E 00 00 00 1F AC")
    assert shtrih2.encode(1, shtrih.GET_SHORT_STATUS) == expected


def test_the_check_value_of_the_crc() -> None:
    assert shtrih2.crc16(b"123456789") == 0x29B1


def test_stuffing() -> None:
    assert shtrih2.stuff(b"\x8f\x9f\x81") == b"\x9f\x81\x9f\x83\x81"


def test_a_synchronisation_in_both_directions() -> None:
    answer = bytes.fromhex("8F 00 00 05 00 35 7B")
    assert events(answer) == [Frame2(5, b"", answer)]
    assert events(shtrih2.SYNC, from_host=True) == [Frame2(None, b"", shtrih2.SYNC)]


def test_numbers_go_round() -> None:
    assert shtrih2.step(4) == 5
    assert shtrih2.step(0xFFFF) == 0


def test_nothing_but_reads_can_be_encoded() -> None:
    with pytest.raises(LocalProtocolError):
        shtrih2.encode(1, shtrih.Command("41h", b"\x41"))


@given(NUMS, st.one_of(BODIES, SPECIAL), st.lists(st.integers(0)))
def test_any_split_gives_the_same_frame(num: int, body: bytes, pieces: list[int]) -> None:
    raw = shtrih2.frame(num, body)
    assert 0x8F not in raw[1:]
    assert (
        events(raw) == events(raw, pieces) == events(raw, list(range(len(raw)))) == [Frame2(num, body, raw)]
    )


@given(st.binary(max_size=20).filter(lambda data: 0x8F not in data), NUMS, BODIES, st.lists(st.integers(0)))
def test_noise_around_hides_no_frame(noise: bytes, num: int, body: bytes, pieces: list[int]) -> None:
    raw = shtrih2.frame(num, body)
    assert sound(noise + raw + noise, pieces) == [Frame2(num, body, raw)]


@given(NUMS, BODIES, st.integers(0))
def test_a_frame_that_was_cut_off_does_not_swallow_the_next(num: int, body: bytes, cut: int) -> None:
    raw = shtrih2.frame(num, body)
    assert sound(raw[: cut % len(raw)] + raw) == [Frame2(num, body, raw)]


@given(NUMS, BODIES, st.integers(0), st.integers(1, 255))
def test_a_damaged_byte_never_gives_the_frame(num: int, body: bytes, place: int, change: int) -> None:
    raw = bytearray(shtrih2.frame(num, body))
    raw[place % len(raw)] ^= change
    assert all(event[:2] != (num, body) for event in sound(bytes(raw)))


def test_a_wrong_crc_is_told_apart() -> None:
    raw = shtrih2.frame(1, b"\x10\x00")
    (error,) = events(raw[:-1] + bytes((raw[-1] ^ 1,)))
    assert isinstance(error, ChecksumError)


@pytest.mark.parametrize("length", ["01 00", "02 00", "ff ff"])
def test_a_length_that_cannot_be(length: str) -> None:
    (error, *_) = events(b"\x8f" + bytes.fromhex(length) + bytes(8))
    assert isinstance(error, RemoteProtocolError)
    assert not isinstance(error, ChecksumError)


@given(st.binary(max_size=600), st.lists(st.integers(0)), st.booleans())
def test_random_bytes_raise_nothing_else(data: bytes, pieces: list[int], from_host: bool) -> None:
    for event in events(data, pieces, from_host=from_host):
        assert isinstance(event, Frame2 | RemoteProtocolError)


def test_what_is_pending_can_be_dropped() -> None:
    reader = Reader()
    reader.feed(b"\x8f\x07\x00")
    assert reader.next_event() == NEED_MORE
    assert reader.drop() == reader.pending + b"\x8f\x07\x00"
