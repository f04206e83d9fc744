"""The Datecs codec against the frames of devices.md section 9 (recomputed by verify_examples.py)."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import datecs
from probes.protocols import datecs_values as values
from probes.protocols.datecs import NEED_MORE, Control, DamagedFrameError, Framing, Reader, Reply

P, X = Framing.P, Framing.X
FOUR = datetime(2026, 11, 22, 14, 2, 59)  # noqa: DTZ001  a register's clock knows no zone
OK = bytes.fromhex("0131244a808080 80869a04808080 80869a0530363e3803")
BAD = bytes.fromhex("0131244ab4808380869a04b4808380869a053037353603")


X_STATUS = bytes.fromhex("80808080869a8080")


def x_reply(command=0x4A, data=b"0\t", seq=0x24, status=X_STATUS):
    """An X answer, framed as the manual says."""
    tail = data + b"\x04" + status + b"\x05"
    body = datecs.nibbles(0x20 + 9 + len(tail)) + bytes((seq,)) + datecs.nibbles(command) + tail
    return b"\x01" + body + datecs.nibbles(sum(body)) + b"\x03"


XR = x_reply()


def events(framing, *pieces):
    reader, found, noise = Reader(framing), [], b""
    for piece in pieces:
        reader.feed(piece)
        while True:
            try:
                event = reader.next_event()
            except datecs.RemoteProtocolError as error:
                noise += error.data
                continue
            if event == NEED_MORE:
                break
            found.append(event)
    return found, noise


@pytest.mark.parametrize(
    ("request_", "seq", "frame"),
    [
        (datecs.STATUS[P], 0x24, "0124244a053030393703"),
        (datecs.DIAGNOSTICS[P], 0x25, "0124255a0530303a3803"),
        (datecs.CLOCK[P], 0x26, "0124263e053030383d03"),
        (datecs.STATUS[X], 0x24, "013030323a243030343a0530313c3303"),
        (datecs.POWER, 0x25, "013030323c25303037 3b3209053032303503"),
    ],
)
def test_frames_of_the_reference(request_, seq, frame):
    assert datecs.encode(request_, seq) == bytes.fromhex(frame)


def test_answers_of_the_reference():
    (ok,), noise = events(P, OK)
    assert (ok.seq, ok.command, ok.data, noise) == (0x24, 0x4A, ok.status, b"")
    assert values.shown(values.bits(ok.status)) == "4.1 4.2 5.1 5.3 5.4"
    (bad,), _ = events(P, BAD)
    raised = values.bits(bad.status) - values.bits(ok.status)
    assert values.shown(raised) == "0.2 0.4 0.5 2.0 2.1"  # clock, mechanism, error, no paper, low paper


@pytest.mark.parametrize(("framing", "frame"), [(P, OK), (P, BAD), (X, XR)])
def test_whole_byte_by_byte_and_with_garbage(framing, frame):
    (reply,), _ = events(framing, frame)
    assert reply.raw == frame
    assert events(framing, *(frame[i : i + 1] for i in range(len(frame)))) == ([reply], b"")
    assert events(framing, frame[:-1]) == ([], b"")
    assert events(framing, b"\xff\x00" + frame + b"\x7f") == ([reply], b"\xff\x00\x7f")
    assert events(framing, b"\x16\x16\x15" + frame)[0] == [Control.SYN, Control.SYN, Control.NAK, reply]
    assert events(framing, frame[:9] + frame)[0] == [reply]  # cut off, then whole
    assert events(framing, frame + frame)[0] == [reply, reply]  # a repetition


@pytest.mark.parametrize(("framing", "frame"), [(P, OK), (X, XR)])
def test_no_damaged_frame_passes(framing, frame):
    for place in range(len(frame)):
        for mask in (0x01, 0x80):
            damaged = bytearray(frame)
            damaged[place] ^= mask
            assert not any(isinstance(e, Reply) for e in events(framing, bytes(damaged))[0]), place


def test_damage_is_told_from_noise():
    reader = Reader(P)
    reader.feed(OK[:-2] + b"\x30\x03")
    with pytest.raises(DamagedFrameError):
        reader.next_event()


@given(st.sampled_from([P, X]), st.binary(max_size=150), st.lists(st.integers(0, 220), max_size=8))
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(framing, data, cuts):
    stream = data[:75] + (OK if framing is P else XR) + data[75:]
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert events(framing, *(stream[a:b] for a, b in pairwise(edges))) == events(framing, stream)


@pytest.mark.parametrize(
    "request_",
    [
        datecs.ReadRequest("47h", P, 0x47),  # prints
        datecs.ReadRequest("47h 1", X, 0x47, b"1\t"),  # dials
        datecs.ReadRequest("24h", P, 0x24, b"10.0.0.1,255.255.255.0,80,10.0.0.2"),  # sets the address
        datecs.ReadRequest("45h", P, 0x45),  # Z-report
        datecs.ReadRequest("4Ah W", P, 0x4A, b"W"),
        datecs.ReadRequest("64h", P, 0x64),
    ],
)
def test_nothing_else_is_encoded(request_):
    with pytest.raises(datecs.LocalProtocolError):
        datecs.encode(request_, 0x24)


def test_sequence_numbers():
    assert datecs.next_seq(0x7F) == 0x20
    for seq in (0x1F, 0x80):
        with pytest.raises(datecs.LocalProtocolError):
            datecs.encode(datecs.STATUS[P], seq)


def test_diagnostics_in_both_forms():
    told = values.diagnostics(P, b"FP-800,2.04BG 21Nov22 1012,FFFF,00000000,DT123456,02123456")
    assert told == ("FP-800", "2.04BG 21Nov22 1012", "DT123456", "02123456")
    fields = b"0\tFP-700X\t264205\t22Nov19\t1010\tFFFF\t00000000\tDT654321\t02654321\t"
    assert values.diagnostics(X, fields) == ("FP-700X", "264205", "DT654321", "02654321")
    commas = b"FP-700X,264205 22Nov19 1010,FFFF,00000000,DT654321,02654321"
    assert values.diagnostics(X, commas).serial == "DT654321"
    assert values.diagnostics(X, b"-100001\t") is None
    assert values.diagnostics(P, b"") is None


def test_clocks():
    assert values.clock(P, b"22-11-26 14:02:59") == FOUR
    assert values.clock(X, b"0\t22-11-26 14:02:59 DST\t") == FOUR
    assert values.clock(X, b"-100001\t") is None
    assert values.clock(P, b"99-99-99 99:99:99") is None


def test_unsent_documents():
    waits = values.unsent(b"57,(50,21-11-2026 10:00:00,70),(51,21-11-2026 10:05:00,65)")
    assert (waits.documents, waits.first, waits.minutes) == (7, 51, 65)
    assert values.unsent(b"57,50,21-11-2026 10:00:00,70,51,21-11-2026 10:05:00,65") == waits
    assert values.unsent(b"57,(57,22-11-2026 10:00:00,2),(0,01-01-2000 00:00:00,0)").documents == 0
    assert values.unsent(b"") is None
    assert values.unsent(b"a,b,c,d,e,f,g") is None


@given(st.sampled_from([P, X]), st.binary(max_size=80))
def test_any_data_can_be_read(framing, data):
    values.diagnostics(framing, data)
    values.clock(framing, data)
    values.unsent(data)
    values.bits(data)
