"""The Tremol codec against the frames of devices.md section 9 (recomputed by verify_examples.py)."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import tremol
from probes.protocols import tremol_values as values
from probes.protocols.tremol import NEED_MORE, Acknowledgement, DamagedFrameError, Message, Reader, Single

NO_PAPER = bytes.fromhex("022a2020808180f08080803d3b0a")
ACK = bytes.fromhex("06203332 32310a")
NOON = datetime(2026, 11, 22, 12, 0)  # noqa: DTZ001  a register's clock knows no zone


def events(*pieces):
    reader, found, noise = Reader(), [], b""
    for piece in pieces:
        reader.feed(piece)
        while True:
            try:
                event = reader.next_event()
            except tremol.RemoteProtocolError as error:
                noise += error.data
                continue
            if event == NEED_MORE:
                break
            found.append(event)
    return found, noise


@pytest.mark.parametrize(
    ("request_", "nbl", "frame"),
    [
        (tremol.STATUS, 0x20, "0223202032330a"),
        (tremol.VERSION, 0x21, "0223212132330a"),
        (tremol.NUMBERS, 0x22, "0223226036310a"),
    ],
)
def test_frames_of_the_reference(request_, nbl, frame):
    assert tremol.encode(request_, nbl) == bytes.fromhex(frame)


def test_answers_of_the_reference():
    (status, ack), noise = events(NO_PAPER + ACK)
    assert (status.nbl, status.command, noise) == (0x20, 0x20, b"")
    assert values.shown(values.bits(status.data)) == "ST1.0 ST3.4 ST3.5 ST3.6"
    assert ack == Acknowledgement(0x20, tremol.DeviceError.CLOCK_FAILURE, 0x32, ACK)


@pytest.mark.parametrize("frame", [NO_PAPER, ACK])
def test_whole_byte_by_byte_and_with_garbage(frame):
    (found,), _ = events(frame)
    assert found.raw == frame
    assert events(*(frame[i : i + 1] for i in range(len(frame)))) == ([found], b"")
    assert events(frame[:-1]) == ([], b"")
    assert events(b"\xff\x00" + frame + b"\x7f") == ([found], b"\xff\x00\x7f")
    assert events(b"\x0e\x15" + frame)[0] == [Single(0x0E), Single(0x15), found]
    assert events(frame[:4] + frame)[0][-1] == found  # cut off, then whole
    assert events(frame + frame)[0] == [found, found]


@pytest.mark.parametrize("frame", [NO_PAPER, ACK])
def test_no_damaged_frame_passes(frame):
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 0x01
        found = events(bytes(damaged))[0]
        assert not any(isinstance(event, Message | Acknowledgement) for event in found), place


def test_damage_is_told_from_noise():
    reader = Reader()
    reader.feed(ACK[:-2] + b"\x30\x0a")
    with pytest.raises(DamagedFrameError):
        reader.next_event()


def test_answers_to_the_ping_are_noise_here():
    assert events(b"\x40\x50") == ([], b"\x40\x50")


@given(st.binary(max_size=150), st.lists(st.integers(0, 220), max_size=8))
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(data, cuts):
    stream = data[:75] + NO_PAPER + ACK + data[75:]
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert events(*(stream[a:b] for a, b in pairwise(edges))) == events(stream)


@pytest.mark.parametrize(
    "request_",
    [
        tremol.ReadRequest("22h", 0x22),  # prints
        tremol.ReadRequest("7Ch Z", 0x7C, b"Z"),  # Z-report
        tremol.ReadRequest("2Ah", 0x2A),  # opens the drawer
        tremol.ReadRequest("48h", 0x48, b"22-11-26 12:00:00"),  # sets the clock
        tremol.ReadRequest("4Eh", 0x4E, b"W;R;R"),
    ],
)
def test_nothing_else_is_encoded(request_):
    with pytest.raises(tremol.LocalProtocolError):
        tremol.encode(request_, 0x20)


def test_numbers_of_messages():
    assert tremol.next_nbl(0x9F) == 0x20
    for nbl in (0x1F, 0xA0):
        with pytest.raises(tremol.LocalProtocolError):
            tremol.encode(tremol.STATUS, nbl)


def test_a_password_is_never_a_command():
    assert tremol.encode_password("1234") == b"1234\n"
    for password in ("\x02#  23\n", "a b", "пароль", "1" * 33):
        with pytest.raises(tremol.LocalProtocolError):
            tremol.encode_password(password)


def test_values():
    assert values.moment("22-11-2026 12:00") == NOON
    assert values.moment("00-00-0000 00:00") is None
    waits = values.unsent(b"120;22-11-2026 12:00;121;22-11-2026 12:00;a;b")
    assert (waits.last_sent, waits.first, waits.first_at, waits.message) == (120, 121, NOON, "a;b")
    assert values.unsent(b"123;22-11-2026 12:00;0;00-00-0000 00:00;").first == 0
    assert values.unsent(b"no") is None
    assert values.shown(values.printer(b"N;\x28\x08\x0a\x00; ")) == "ST0.3 ST0.5 ST1.3 ST2.1 ST2.3"
    assert values.printer(b"N;") is None


@given(st.binary(max_size=80))
def test_any_data_can_be_read(data):
    values.unsent(data)
    values.printer(data)
    values.bits(data)
    values.fields(data)
