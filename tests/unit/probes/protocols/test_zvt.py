"""The ZVT codec: the frames of the reference, every split of the stream, noise, and what may not be sent."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols.zvt import (
    ACKNOWLEDGE,
    NEED_MORE,
    Apdu,
    BadFrame,
    Control,
    Framing,
    LocalProtocolError,
    Reader,
    RemoteProtocolError,
    crc16,
    encode,
    status_enquiry,
)
from probes.protocols.zvt_status import TerminalStatus, read_status

TCP, SERIAL = Framing.TCP, Framing.SERIAL

# devices.md section 6: golden frames of [ZVT-ecr], recomputed by the reference's own script
ENQUIRY = bytes.fromhex("10020501031234561003e043")
READY = bytes.fromhex("1002060f0bf0f0f7322e31342e3135001003b111")
TAKEN = bytes.fromhex("10028000001003f51f")
BUSY = bytes.fromhex("1002849c001003c341")
WITH_10 = bytes.fromhex("100206010a04000000011010004909781003f2ff")  # a payment: shows how 10 is doubled
DIAGNOSIS_NEEDED = bytes.fromhex("060f0bf0f0f7322e31342e3135c2")  # TCP, seen with ecrterm
GOLDEN = {
    READY: Apdu(0x060F, bytes.fromhex("f0f0f7322e31342e313500")),
    TAKEN: ACKNOWLEDGE,
    BUSY: Apdu(0x849C),
    WITH_10: Apdu(0x0601, bytes.fromhex("0400000001100049 0978".replace(" ", ""))),
}


def events(framing, *pieces):
    reader, found, noise = Reader(framing), [], b""
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


def one_by_one(data):
    return [data[i : i + 1] for i in range(len(data))]


def test_what_is_sent():
    assert encode(status_enquiry("123456"), SERIAL) == ENQUIRY
    assert encode(status_enquiry(), TCP) == bytes.fromhex("050103000000")
    assert encode(ACKNOWLEDGE, TCP) == bytes.fromhex("800000")
    assert encode(ACKNOWLEDGE, SERIAL) == TAKEN
    assert encode(status_enquiry("101010"), SERIAL)[5:11] == bytes.fromhex("101010101010")


@pytest.mark.parametrize(
    "raw",
    [
        "060008000000080978 0300",  # registration
        "06010a04000000000500490978",  # payment
        "0630030000 00",  # reversal
        "0650030000 00",  # end of day
        "06700 0",  # diagnosis dials the host
        "067900",
        "069303000000",
        "061a00",
        "06b000",
        "0501",  # an enquiry without its password
        "050105000000 0304",
        "800001ff",
    ],
)
@pytest.mark.parametrize("framing", Framing)
def test_nothing_else_can_be_encoded(raw, framing):
    data = bytes.fromhex(raw.replace(" ", ""))
    with pytest.raises(LocalProtocolError):
        encode(Apdu(int.from_bytes(data[:2], "big"), data[3:]), framing)


@pytest.mark.parametrize("command", [*range(0x0500, 0x0700), 0x8000, *range(0x0801, 0x0824)])
def test_no_command_but_the_enquiry_takes_data(command):
    if command != 0x0501:
        with pytest.raises(LocalProtocolError):
            encode(Apdu(command, bytes(3)), TCP)


@pytest.mark.parametrize("password", ["", "12345", "1234567", "12345a", "１２３４５６"])
def test_a_password_has_six_digits(password):
    with pytest.raises(LocalProtocolError):
        status_enquiry(password)


def test_checksum_of_the_reference():
    assert crc16(bytes.fromhex("80000003")) == 0x1FF5


@pytest.mark.parametrize(
    ("frame", "apdu"), GOLDEN.items(), ids=lambda v: v.hex()[4:8] if isinstance(v, bytes) else ""
)
def test_golden_frames(frame, apdu):
    assert events(SERIAL, frame) == ([apdu], b"")
    assert events(SERIAL, *one_by_one(frame)) == ([apdu], b"")
    assert events(SERIAL, frame[:-1]) == ([], b"")
    assert events(SERIAL, b"\x00\xff" + frame + b"\x06") == ([apdu, Control.ACK], b"\x00\xff")
    assert events(SERIAL, frame[:-4], frame) == ([apdu], frame[:-4])  # cut off, then sent anew
    assert events(SERIAL, frame, frame)[0] == [apdu, apdu]


def test_noise_inside_a_frame_is_a_damaged_frame():
    reader = Reader(SERIAL)
    reader.feed(READY[:8] + b"\x55" + READY[9:])
    with pytest.raises(BadFrame):
        reader.next_event()
    assert reader.next_event() == NEED_MORE
    wrong_length = bytes.fromhex("060f0c00")
    body = b"\x10\x02" + wrong_length + b"\x10\x03" + crc16(wrong_length + b"\x03").to_bytes(2, "little")
    reader.feed(body)
    with pytest.raises(BadFrame):
        reader.next_event()


def test_tcp_messages_short_and_long():
    long = Apdu(0x060F, bytes(300))
    assert long.raw[:5] == bytes.fromhex("060fff2c01")
    stream = bytes.fromhex("800000") + DIAGNOSIS_NEEDED + long.raw + bytes.fromhex("849c00")
    expected = [ACKNOWLEDGE, Apdu(0x060F, DIAGNOSIS_NEEDED[3:]), long, Apdu(0x849C)]
    assert events(TCP, stream) == (expected, b"")
    assert events(TCP, *one_by_one(stream)) == (expected, b"")


def test_tcp_noise_is_dropped_byte_by_byte():
    assert events(TCP, b"HTTP/1.1 400 Bad", bytes.fromhex("800000")) == ([ACKNOWLEDGE], b"HTTP/1.1 400 Bad")
    assert events(TCP, bytes.fromhex("060fffffff") + bytes.fromhex("800000"))[0] == [ACKNOWLEDGE]


SPLITS = st.lists(st.integers(0, 120), max_size=8)


@given(SPLITS, st.sampled_from([TCP, SERIAL]))
def test_any_split_gives_the_same(cuts, framing):
    if framing is SERIAL:
        stream = b"\x06" + TAKEN + b"\xaa" + READY + BUSY[:5] + READY + b"\x15"
    else:
        stream = bytes.fromhex("80000004ff020e05") + DIAGNOSIS_NEEDED + b"\x55" + bytes.fromhex("061e016c")
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    assert events(framing, *pieces) == events(framing, stream)
    assert len(events(framing, stream)[0]) == (5 if framing is SERIAL else 4)


@given(st.binary(max_size=400), st.sampled_from([TCP, SERIAL]))
def test_random_bytes_raise_only_the_codecs_error(data, framing):
    for event in events(framing, data)[0]:
        if isinstance(event, Apdu):
            try:
                read_status(event)
            except RemoteProtocolError:
                continue


@given(st.binary(max_size=80))
def test_random_completions_raise_only_the_codecs_error(data):
    try:
        read_status(Apdu(0x060F, data))
    except RemoteProtocolError:
        return


@given(st.binary(max_size=60), st.integers(0, 59))
def test_one_changed_byte_never_goes_unnoticed(data, place):
    raw = Apdu(0x060F, data).raw
    body = raw.replace(b"\x10", b"\x10\x10")
    frame = b"\x10\x02" + body + b"\x10\x03" + crc16(raw + b"\x03").to_bytes(2, "little")
    assert events(SERIAL, frame)[0] == [Apdu(0x060F, data)]
    at = 2 + place % len(body)
    changed = frame[:at] + bytes((frame[at] ^ 0x41,)) + frame[at + 1 :]
    assert Apdu(0x060F, data) not in events(SERIAL, changed)[0]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("f0f0f7322e31342e3135c2", TerminalStatus(0xC2, "2.14.15")),
        ("00", TerminalStatus(0)),
        ("f0f0f3312e30", TerminalStatus(None, "1.0")),
        ("", TerminalStatus()),
        (
            "dc0616e4141f40054c414220501f41023939 1f420400c0ffee",
            TerminalStatus(0xDC, "99", "LAB P", "00c0ffee"),
        ),
        ("00190027002952000000490978 06 00", TerminalStatus(0)),
        ("0088ffff", TerminalStatus(0)),  # a field whose size nobody knows
        ("f6", TerminalStatus(0xF6)),
    ],
)
def test_completions(data, status):
    assert read_status(Apdu(0x060F, bytes.fromhex(data.replace(" ", "")))) == status


def test_a_version_that_is_longer_than_the_message():
    with pytest.raises(RemoteProtocolError):
        read_status(Apdu(0x060F, bytes.fromhex("f0f4f0322e")))
    with pytest.raises(RemoteProtocolError):
        read_status(Apdu(0x061E, b"\x6c"))
