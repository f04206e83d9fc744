"""The codecs of ATOL's wire protocols: the frames of the reference, and any stream.

Vectors: devices.md section 4b as `verify_examples.py` recomputes them; `1F 00 FF 10 02 03 1A` and the two
frames called golden are those of atol4j's own tests.
"""

from __future__ import annotations

import contextlib
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import atol2, atol3, atol_answers
from probes.protocols.atol_answers import (
    DEVICE_TYPE,
    FIRMWARE,
    FN_EXPIRY,
    FN_NUMBER,
    FN_STATUS,
    OFD_EXCHANGE,
    READ_REQUESTS,
    SHIFT,
    STATE_CODE,
    STATUS,
    UNSENT_COUNT,
    DeviceError,
    LocalProtocolError,
    ReadRequest,
    RemoteProtocolError,
    answer_data,
)


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def wall(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001  a register has no zone


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (DEVICE_TYPE, "02 00 00 A5 03 A6"),
        (STATUS, "02 00 00 3F 03 3C"),
        (STATE_CODE, "02 00 00 45 03 46"),
        (OFD_EXCHANGE, "02 00 00 A4 20 03 87"),
        (FN_STATUS, "02 00 00 A4 30 03 97"),
        (SHIFT, "02 00 00 A4 10 10 03 A7"),
        (FN_NUMBER, "02 00 00 A4 31 03 96"),
        (FN_EXPIRY, "02 00 00 A4 32 03 95"),
        (UNSENT_COUNT, "02 00 00 91 2C 00 00 03 BE"),
    ],
)
def test_requests_of_protocol_2(request_, frame):
    assert atol2.encode(request_) == hexed(frame)


def test_frames_of_protocol_2():
    assert atol2.frame(hexed("1F00FF1002031A")) == hexed("02 1F 00 FF 10 10 02 10 03 1A 03 E8")
    assert atol2.frame(hexed("55 21 01")) == hexed("02 55 21 01 03 76")


def test_frames_of_protocol_3():
    need = atol3.TaskFlag.NEED_RESULT
    assert atol3.frame(1, b"") == hexed("FE 00 00 01 9D")
    assert atol3.frame(0xF0, hexed("A657550000")) == hexed("FE 05 00 F0 A6 57 55 00 00 FD EE")
    assert atol3.add(1, 1, STATUS, flags=need) == hexed("FE 06 00 01 C1 01 01 00 00 3F E7")
    assert atol3.add(2, 2, STATE_CODE, flags=need) == hexed("FE 06 00 02 C1 01 02 00 00 45 52")
    assert atol3.request_result(3, 1) == hexed("FE 02 00 03 C3 01 37")
    assert atol3.acknowledge(4, 1) == hexed("FE 02 00 04 C2 01 20")
    assert atol3.frame(3, hexed("A3 55 01 00")) == hexed("FE 04 00 03 A3 55 01 00 07")


def test_a_task_of_ours_never_stops_those_of_the_till():
    assert atol3.add(1, 1, STATUS)[5] == atol3.TaskFlag.NEED_RESULT | atol3.TaskFlag.IGNORE_ERROR


@pytest.mark.parametrize(
    "code", ["67", "5A", "9A", "92", "59", "4C", "75", "8F", "CE 41", "91", "A4", "A4 45", ""]
)
def test_nothing_but_reads_can_be_encoded(code):
    request = ReadRequest(code, hexed(code))
    with pytest.raises(LocalProtocolError):
        atol2.encode(request)
    with pytest.raises(LocalProtocolError):
        atol3.add(1, 1, request)


def test_the_abort_cannot_be_encoded():
    frames = [atol3.add(5, 5, request) for request in READ_REQUESTS]
    frames += [atol3.request_result(5, 5), atol3.acknowledge(5, 5)]
    assert {frame[4] for frame in frames} == {0xC1, 0xC2, 0xC3}


@pytest.mark.parametrize("password", ["12345", "ab", "-1", "٣", "1 "])
def test_a_password_is_up_to_four_digits(password):
    with pytest.raises(LocalProtocolError):
        atol2.encode(STATUS, password)
    assert atol2.encode(STATUS, "30")[1:3] == b"\x00\x30"


@pytest.mark.parametrize(("frame_id", "task"), [(0xE0, 1), (-1, 1), (1, 0xF0), (1, -1)])
def test_numbers_stay_in_their_range(frame_id, task):
    with pytest.raises(LocalProtocolError):
        atol3.acknowledge(frame_id, task)


def events(reader, *pieces: bytes):
    """Return what a reader finds, and the bytes that it drops."""
    found, noise = [], b""
    for piece in pieces:
        reader.feed(piece)
        while True:
            try:
                event = reader.next_event()
            except RemoteProtocolError as error:
                noise += error.data
                continue
            if isinstance(event, str):
                break
            found.append(event)
    return found, noise


READERS = [atol2.Reader, atol3.Reader]
STREAM_2 = (
    atol2.ACK + atol2.ENQ + atol2.frame(hexed("10 03 02 05")) + atol2.EOT + atol2.frame(b"") + atol2.NAK
)
STREAM_3 = atol3.frame(1, b"") + atol3.frame(0xF0, hexed("FE FD A6")) + atol3.frame(7, bytes(300))


@pytest.mark.parametrize(
    ("reader", "stream", "count"), [(atol2.Reader, STREAM_2, 6), (atol3.Reader, STREAM_3, 3)]
)
def test_whole_byte_by_byte_and_after_noise(reader, stream, count):
    whole, noise = events(reader(), stream)
    assert (len(whole), noise) == (count, b"")
    assert events(reader(), *(stream[i : i + 1] for i in range(len(stream)))) == (whole, b"")
    assert events(reader(), b"\x81\xff" + stream + b"\x80") == (whole, b"\x81\xff\x80")


def test_data_come_out_as_they_went_in():
    found, _ = events(atol2.Reader(), STREAM_2)
    assert [event.data for event in found if isinstance(event, atol2.Frame)] == [hexed("10 03 02 05"), b""]
    found, _ = events(atol3.Reader(), STREAM_3)
    assert [(event.id, event.data) for event in found] == [
        (1, b""),
        (0xF0, hexed("FE FD A6")),
        (7, bytes(300)),
    ]


@pytest.mark.parametrize("reader", READERS)
def test_a_wrong_checksum_is_told_and_the_next_frame_is_read(reader):
    frame = atol2.frame(b"\x55\x00") if reader is atol2.Reader else atol3.frame(9, b"\x55\x00")
    broken = frame[:-1] + bytes((frame[-1] ^ 1,))
    reading = reader()
    reading.feed(broken + frame)
    with pytest.raises(atol_answers.ChecksumError):
        reading.next_event()
    assert reading.next_event().raw == frame


def test_a_frame_of_protocol_3_that_was_cut_off_does_not_swallow_the_next():
    frame = atol3.frame(9, b"\x55\x00")
    found, noise = events(atol3.Reader(), frame[:-2] + frame)
    assert [event.raw for event in found] == [frame]
    assert noise == frame[:-2]


def test_a_frame_of_protocol_2_has_an_end():
    found, noise = events(atol2.Reader(), b"\x02" + b"A" * 5000)
    assert not found
    assert noise


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
def test_any_split_gives_the_same_and_nothing_but_the_codecs_error(reader, data):
    alphabet = st.sampled_from(b"\x02\x03\x04\x05\x06\x10\x15\xfe\xfd\xee\xed\x00\x01")
    stream = bytes(data.draw(st.lists(st.one_of(alphabet, st.integers(0, 255)), max_size=60)))
    cuts = data.draw(st.lists(st.integers(0, 60), max_size=6))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert events(reader(), *(stream[a:b] for a, b in pairwise(edges))) == events(reader(), stream)


@pytest.mark.parametrize("reader", READERS)
@given(payload=st.binary(max_size=300), number=st.integers(0, 0xDF))
def test_every_payload_survives(reader, payload, number):
    frame = atol2.frame(payload) if reader is atol2.Reader else atol3.frame(number, payload)
    found, noise = events(reader(), frame)
    assert ([event.data for event in found], noise) == ([payload], b"")


def test_heads_of_answers():
    assert answer_data(DEVICE_TYPE, hexed("00 01 02")) == hexed("01 02")
    assert answer_data(STATUS, hexed("44 01 02")) == hexed("01 02")
    assert answer_data(STATE_CODE, hexed("55 21 01")) == hexed("21 01")
    assert answer_data(SHIFT, hexed("55 00 01")) == b"\x01"
    for request in (STATUS, SHIFT, FIRMWARE):
        with pytest.raises(DeviceError) as caught:
            answer_data(request, hexed("55 8C 00"))
        assert caught.value.number == 0x8C
    for request, answer in (
        (SHIFT, ""),
        (SHIFT, "44 00"),
        (STATUS, "55"),
        (STATUS, "55 00 00"),
        (SHIFT, "55"),
    ):
        with pytest.raises(RemoteProtocolError):
            answer_data(request, hexed(answer))


def test_values():
    state = atol_answers.state_code(hexed("21 01"))
    assert (state.mode, state.submode, state.flags) == (1, 2, atol_answers.StateFlag.NO_PAPER)
    status = atol_answers.status(
        hexed("01 01 25 11 14 10 42 07 2B 00123456 39 3338 01 0042 0057 00 0000000000 02 04")
    )
    assert status.clock == wall(2025, 11, 14, 10, 42, 7)
    assert (status.serial, status.shift_number, status.mode) == ("00123456", 57, 1)
    assert status.flags == 0x2B
    # the same bytes as in the answers of a Shtrih register: devices.md, examples of section 3
    exchange = atol_answers.exchange(hexed("02 00 25 00 43 12 00 00 19 0A 14 09 05"))
    assert (exchange.unsent, exchange.first_number) == (37, 4675)
    assert exchange.first_at == wall(2025, 10, 20, 9, 5)
    assert exchange.flags == atol_answers.ExchangeFlag.HAS_MESSAGE
    fn = atol_answers.fn_status(
        hexed("03 00 00 01 0C 19 0B 0E 0A 28") + b"9960440300123456" + hexed("67 12 00 00")
    )
    assert (fn.phase, fn.shift_open, fn.number, fn.last_number) == (3, True, "9960440300123456", 4711)
    assert fn.last_at == wall(2025, 11, 14, 10, 40)
    assert fn.warnings == 0x0C
    assert atol_answers.fn_expiry(hexed("1A 0C 1F 0B 02")) == date(2026, 12, 31)
    assert atol_answers.fn_expiry(hexed("00 00 00")) is None
    assert atol_answers.firmware(hexed("03 08 00 36 89")) == "3.8.3689"
    assert atol_answers.firmware(hexed("FF 03 08 00 36 89")) == "3.8.3689"
    kind = atol_answers.device_type(hexed("03 01 39 00 00 00 00 00 00 00") + "АТОЛ".encode("cp866"))
    assert (kind.protocol, kind.model, kind.name) == (3, 0x39, "АТОЛ")
    assert atol_answers.shift_end(hexed("01 15 11 25 07 42 07")) == wall(2025, 11, 15, 7, 42, 7)
    assert atol_answers.moment("259999999999") is None


@pytest.mark.parametrize(
    ("end", "last", "over"),
    [
        (None, None, False),
        (None, -25, True),  # no document for a day: none can be made any more, or the shift is older than it
        (None, -23, False),
        (+3, -1, False),  # the moment lies ahead: it can only be the end
        (-6, -20, True),  # a document before it: it is the end, and it has passed
        (-6, -1, False),  # a document behind it: it is the opening
        (-6, -6, False),  # nothing sold since: it may be the opening
        (-25, -1, True),  # a day ago, whatever it is
    ],
)
def test_when_a_shift_is_over(end, last, over):
    clock = wall(2026, 11, 22, 12, 0)

    def at(hours):
        return None if hours is None else clock + timedelta(hours=hours)

    assert atol_answers.shift_is_over(at(end), clock, at(last)) is over
    assert atol_answers.shift_is_over(at(end), None, at(last)) is False


@pytest.mark.parametrize(
    "decode",
    [
        atol_answers.device_type,
        atol_answers.status,
        atol_answers.state_code,
        atol_answers.firmware,
        atol_answers.shift_state,
        atol_answers.exchange,
        atol_answers.fn_status,
        atol_answers.fn_expiry,
        atol_answers.shift_end,
        atol_answers.bcd,
    ],
)
@given(data=st.binary(max_size=40))
def test_any_answer_is_decoded_or_refused(decode, data):
    with contextlib.suppress(RemoteProtocolError):
        decode(data)
