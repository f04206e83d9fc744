"""The questions are harmless to every family, at the right speed and at a wrong one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.discovery.identifiers import IDENTIFIERS, NEVER_ASK, SPEEDS, rows_for
from probes.lab.uart import heard

REQUESTS = {row.asked: row.request for row in IDENTIFIERS} | {
    row.confirm[0]: row.confirm[1] for row in IDENTIFIERS if row.confirm
}
WRONG = [(sent, got) for sent, got in itertools.permutations(SPEEDS, 2)]
# What begins a command or prints the line buffer: line feed, form feed, carriage return, bell, and the
# beginnings of ESC/POS and Star commands and of frames of registers
ACTS = b"\x0a\x0c\x0d\x07\x1b\x1d\x10\x02\x05"
DRAWER = (b"\x1bp", b"\x10\x14", b"\x07")


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_no_printable_byte_and_no_line_feed(request_):
    assert not any(0x20 <= byte < 0x7F or byte > 0x7F for byte in request_)
    assert not set(request_) & set(b"\n\r\x0c")


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_no_job_restarted_and_no_drawer_opened(request_):
    for before in REQUESTS.values():
        stream = before + request_
        assert b"\x10\x05" not in stream
        assert not any(kick in stream for kick in DRAWER)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize(("sent", "got"), WRONG)
def test_at_a_wrong_speed_no_command_is_heard(request_, sent, got):
    assert not set(heard(request_, sent, got)) & set(ACTS)


def test_upwards_the_first_question_leaves_no_sound_character():
    """A faster device hears bytes whose frame is broken; none with a sound frame is printable."""
    first = IDENTIFIERS[0].request
    for sent, got in WRONG:
        if sent < got:
            assert not [byte for byte, sound in framed(first, sent, got) if sound and byte >= 0x20]


def framed(data, sent, got):
    """Hear byte after byte with its stop bit: a stop bit that is low is a broken frame."""
    line = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), 1)]
    at = 0
    while at < len(line):
        if line[at] or (at and not line[at - 1]):
            at += 1
            continue
        bits = [int(at + (bit + 0.5) * sent / got) for bit in range(10)]
        levels = [line[bit] if bit < len(line) else 1 for bit in bits]
        yield sum(level << bit for bit, level in enumerate(levels[1:9])), bool(levels[9])
        at = max(at + 1, bits[9])


def test_speeds_go_upwards():
    assert list(SPEEDS) == sorted(SPEEDS)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_verdict(data):
    for row in IDENTIFIERS:
        assert row.recognise(data) in {"yes", "more", "no"}


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        ("escpos", b"\x12"),
        ("escpos", b"\x7e"),
        ("escpos", b"\x10\x00\x00\x00"),
        ("star", bytes.fromhex("230600000000000000")),
    ],
)
def test_answers_are_recognised_in_any_pieces(protocol, answer):
    row = next(row for row in IDENTIFIERS if row.protocol == protocol)
    verdicts = [row.recognise(answer[:size]) for size in range(1, len(answer) + 1)]
    assert verdicts[-1] == "yes"
    assert set(verdicts[:-1]) <= {"more"}


@pytest.mark.parametrize(
    "noise", [b"\x00", b"\xff", b"HTTP/1.1 400", b"SSH-2.0", b"\x15", b"\x06", b"ST,GS, 1.250kg"]
)
def test_other_answers_are_not_recognised(noise):
    assert all(row.recognise(noise) != "yes" for row in IDENTIFIERS)


def test_payment_terminals_are_never_asked_by_guess():
    for port in NEVER_ASK:
        assert rows_for(None, "tcp", port) == ()
    assert rows_for("zvt", "tcp", 20007) == ()


def test_known_protocol_is_asked_its_own_question_only():
    assert [row.protocol for row in rows_for("star", "tcp", 9100)] == ["star"]
    assert rows_for("atol", "http", 16732) == ()
