"""What becomes of an answer on its way."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.wirefaults import (
    BANNER,
    BANNER_BYTES,
    DROPPED,
    GARBLED,
    HELD,
    NOISE,
    NOISE_BYTES,
    ONE_BYTE,
    ONE_BYTE_GAP_S,
    SERIAL,
    SILENT,
    SLOW,
    SLOW_BYTE_S,
    TCP,
    WIRE_FAULTS,
    Piece,
    WireFaults,
    noise,
    wire_faults,
)

answers = st.binary(max_size=80)
paces = st.sampled_from((0.0, 10 / 9600, 10 / 115200, 10 / 300))
any_faults = st.sets(st.sampled_from(sorted(WIRE_FAULTS)))


def sent(faults: set[str], answer: bytes, byte_s: float = 0.0) -> tuple[Piece, ...]:
    wire = WireFaults()
    wire.active |= faults
    return wire.on_answer(answer, byte_s)


def joined(pieces: tuple[Piece, ...]) -> bytes:
    return b"".join(piece.data for piece in pieces)


@given(answers, paces, st.sets(st.sampled_from((SLOW, ONE_BYTE, HELD))))
def test_pacing_changes_no_byte(answer: bytes, byte_s: float, faults: set[str]) -> None:
    pieces = sent(faults, answer, byte_s)
    assert joined(pieces) == answer
    assert not any(piece.close for piece in pieces)
    assert all(piece.data for piece in pieces)


@given(answers, paces)
def test_a_line_takes_the_time_of_its_bytes(answer: bytes, byte_s: float) -> None:
    pieces = sent(set(), answer, byte_s)
    assert sum(piece.after_s for piece in pieces) == pytest.approx(len(answer) * byte_s)


@given(answers)
def test_slow_and_one_byte(answer: bytes) -> None:
    assert sent({SLOW}, answer) == tuple(Piece(SLOW_BYTE_S, bytes((b,))) for b in answer)
    assert sent({ONE_BYTE}, answer) == tuple(Piece(ONE_BYTE_GAP_S, bytes((b,))) for b in answer)


@given(answers, paces, any_faults)
def test_any_mixture_of_faults_is_orderly(answer: bytes, byte_s: float, faults: set[str]) -> None:
    pieces = sent(faults, answer, byte_s)
    assert all(piece.after_s >= 0 for piece in pieces)
    assert [piece.close for piece in pieces[:-1]] == [False] * len(pieces[:-1]), (
        "it hangs up once, at the end"
    )
    if not faults & {GARBLED}:
        assert answer.startswith(joined(pieces))
    if faults & {SILENT, NOISE, BANNER} or not answer:
        assert pieces == ()
    elif DROPPED in faults:
        assert pieces[-1].close


@given(st.binary(min_size=1, max_size=80))
def test_dropped_never_gives_the_whole_answer(answer: bytes) -> None:
    pieces = sent({DROPPED}, answer)
    assert pieces[-1] == Piece(0.0, b"", close=True)
    assert len(joined(pieces)) == len(answer) // 2


@given(st.binary(min_size=1, max_size=80))
def test_garbled_gives_other_bytes(answer: bytes) -> None:
    assert joined(sent({GARBLED}, answer)) not in {b"", answer}


def test_who_hears_nothing() -> None:
    for fault in WIRE_FAULTS:
        wire = WireFaults()
        wire.active.add(fault)
        assert wire.deaf == (fault in {SILENT, NOISE, BANNER}), fault


def test_a_web_server_answers_anything_and_hangs_up() -> None:
    wire = WireFaults()
    wire.active.add(BANNER)
    assert wire.instead(TCP) == (Piece(0.0, BANNER_BYTES, close=True),)
    assert wire.instead(SERIAL) == (Piece(0.0, BANNER_BYTES),), "a serial line does not hang up"
    head, _, body = BANNER_BYTES.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length: %d\r\n" % len(body) in head
    wire.active.add(SILENT)
    assert wire.instead(TCP) == ()


def test_noise_is_megabytes_made_as_they_are_taken_and_the_same_each_time() -> None:
    wire = WireFaults()
    assert list(wire.on_open()) == []
    wire.active.add(NOISE)
    pieces = list(wire.on_open())
    assert sum(len(piece.data) for piece in pieces) == NOISE_BYTES >= 1_000_000
    assert [piece.data for piece in islice(noise(), 2)] == [piece.data for piece in pieces[:2]]
    assert pieces[0].data != pieces[1].data
    assert sum(len(piece.data) for piece in noise(100_000)) == 100_000


def test_each_wire_has_its_faults() -> None:
    assert HELD not in wire_faults(frozenset({TCP}))
    assert HELD in wire_faults(frozenset({SERIAL}))
    assert set(wire_faults(frozenset({TCP, SERIAL}))) == set(WIRE_FAULTS)
