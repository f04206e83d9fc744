"""The line at a wrong speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.uart import garble, heard, seconds_per_byte

bauds = st.sampled_from((1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200))


@given(st.binary(max_size=64), bauds)
def test_at_the_same_speed_everything_is_heard(data: bytes, baud: int) -> None:
    assert heard(data, baud, baud) == data


@given(st.binary(min_size=1, max_size=64))
def test_almost_the_same_speed_is_good_enough(data: bytes) -> None:
    """Real clocks are off by a per cent, and UARTs live with it."""
    assert heard(data, 9600, 9650) == data
    assert heard(data, 9600, 9550) == data


@pytest.mark.parametrize(
    ("data", "sent", "listens", "expected"),
    [
        # Computed by hand. 0x12 on the line, lowest bit first: 0 01001000 1; each level lasts two bits.
        # 00 00 11 00 00 11 00.. : start 0, then 0,0,0,1,1,0,0,0 = 18, stop bit low; the next falling edge:
        # start 0, then 0,0,0,0,0,1,1,1 = E0.
        ("12", 9600, 19200, "18e0"),
        # 0x00: nine low bits seen by a receiver half as fast: start, 0,0,0 and then the idle line.
        ("00", 19200, 9600, "f8"),
        # 0xff: one low bit is half a bit time of the slow receiver: a glitch, nothing is heard.
        ("ff", 19200, 9600, ""),
        # 0x00 at a far too fast receiver: low for much longer than a frame: one 00, as a break is.
        ("00", 1200, 115200, "00"),
    ],
)
def test_known_lines(data: str, sent: int, listens: int, expected: str) -> None:
    assert heard(bytes.fromhex(data), sent, listens).hex() == expected


@given(st.binary(max_size=64), bauds, bauds)
def test_any_line_is_heard_without_a_crash_and_not_much_longer(data: bytes, sent: int, listens: int) -> None:
    got = heard(data, sent, listens)
    assert len(got) <= 5 * len(data)  # a frame has at most five falling edges


@given(st.binary(min_size=1, max_size=64))
def test_garbled_is_other_bytes_and_some(data: bytes) -> None:
    assert garble(data)
    assert garble(data) != data
    assert garble(data) == garble(data)


def test_nothing_stays_nothing() -> None:
    assert garble(b"") == b""


def test_a_garbled_status_is_no_status() -> None:
    """No real-time status of an ESC/POS printer may look like another one when it is garbled."""
    statuses = [b for b in range(256) if b & 0x93 == 0x12]
    assert all(garble(bytes((b,)))[0] & 0x93 != 0x12 for b in statuses)


def test_ten_bits_a_byte() -> None:
    assert seconds_per_byte(9600) == pytest.approx(0.0010417, rel=1e-3)
