"""Answers of Shtrih-M registers as records: the examples of docs/devices.md, and what can be wrong."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import shtrih
from probes.protocols.shtrih import RemoteProtocolError
from probes.protocols.shtrih_answers import Exchange, FnExpiry, Registration, decode
from probes.protocols.shtrih_bits import ExchangeBits, Flags, FpFlags, Mode, Submode, Warnings, valid_flags

TYPE = "02 0F FC 00 00 00 01 0F F5 00 D8 D2 D0 C8 D5 2D CC 2E"
SHORT = "02 10 10 00 1E 10 00 03 01 00 C4 D8 00 00 00 00 00 00 10"
FULL = (
    "02 30 11 00 1E 43 33 98 02 02 02 1A 01 76 00 93 02 03 00 00 31 30 01 00 01 01 10 0E 0B 19 0A 2A 07 C0 "
    "40 E2 01 00 39 00 FB 07 01 0F 87 83 07 CB 01 00 60"
)
FN_STATUS = "02 21 FF 01 00 03 00 00 01 0C 19 0B 0E 0A 28" + b"9960440300123456".hex() + "67 12 00 00 98"
EXPIRY = "02 08 FF 03 00 1A 0C 1F 0B 02 F4"
EXCHANGE = "02 10 FF 39 00 02 00 25 00 43 12 00 00 19 0A 14 09 05 AB"


def at(*parts: int) -> datetime:
    """Return a moment as the register tells it: without a zone."""
    return datetime(*parts)  # noqa: DTZ001  it names none


def record(command: shtrih.Command, frame: str) -> object:
    reader = shtrih.Reader()
    reader.feed(bytes.fromhex(frame))
    event = reader.next_event()
    assert isinstance(event, shtrih.Frame)
    answer = shtrih.parse_answer(event.body)
    assert (answer.code, answer.error) == (command.code, 0)
    return decode(command, answer.data)


def test_device_type() -> None:
    kind = record(shtrih.GET_DEVICE_TYPE, TYPE)
    assert kind == (0, 0, 1, 15, 0xF5, 0, "ШТРИХ-М")


def test_short_status() -> None:
    status = record(shtrih.GET_SHORT_STATUS, SHORT)
    assert (status.mode, status.submode) == (Mode.SHIFT_OVER_24H, Submode.PAPER_OUT_IDLE)
    assert status.flags == Flags.DECIMAL_POINT
    assert (round(status.battery_v, 2), round(status.supply_v, 1)) == (3.84, 24.0)
    assert status.last_print is None  # older firmware has 14 bytes


def test_full_status() -> None:
    status = record(shtrih.GET_STATUS, FULL)
    assert (status.version, status.build, status.firmware_date) == ("C.3", 664, date(2026, 2, 2))
    assert status.clock == at(2025, 11, 14, 10, 42, 7)
    assert status.fp_flags == FpFlags.SHIFT_OPEN | FpFlags.SHIFT_OVER_24H  # pyshtrih reads them in reverse
    assert status.taxpayer == 7701234567  # pyshtrih reads it big-endian
    assert (status.serial, status.last_closed_shift, status.free_records) == (123456, 57, 2043)
    assert status.flags & Flags.RECEIPT_OPTICAL
    assert not status.flags & Flags.COVER_OPEN


def test_fn_status() -> None:
    status = record(shtrih.FN_GET_STATUS, FN_STATUS)
    assert (status.phase, status.shift_open, status.number) == (3, True, "9960440300123456")
    assert status.warnings == Warnings.MEMORY_90_PERCENT | Warnings.OPERATOR_OVERDUE
    assert (status.last_at, status.last_document) == (at(2025, 11, 14, 10, 40), 4711)


def test_fn_dates_have_the_year_first() -> None:
    expiry = record(shtrih.FN_GET_EXPIRY, EXPIRY)
    assert expiry == FnExpiry(date(2026, 12, 31), 11, 2)  # shtrihm-fr 0.2.0 reads FF39 as day, month, year
    exchange = record(shtrih.FN_GET_EXCHANGE, EXCHANGE)
    assert exchange == Exchange(ExchangeBits.MESSAGE_TO_SEND, 0, 37, 4675, at(2025, 10, 20, 9, 5))


def test_nothing_unsent_has_no_date() -> None:
    empty = decode(shtrih.FN_GET_EXCHANGE, bytes(13))
    assert empty == Exchange(ExchangeBits(0), 0, 0, 0, None)


def test_a_registration_with_and_without_a_reason() -> None:
    start = bytes((25, 6, 1, 9, 30)) + b"7701234567  " + b"0000123456012345    " + bytes((1, 0))
    end = (17).to_bytes(4, "little") + (99).to_bytes(4, "little")
    expected = Registration(at(2025, 6, 1, 9, 30), "7701234567", "0000123456012345", 1, 0, 17, 99)
    assert decode(shtrih.FN_GET_REGISTRATION, start + end) == expected
    assert decode(shtrih.FN_GET_REGISTRATION, start + b"\x04" + end) == expected


def test_a_clock_that_lost_its_battery() -> None:
    data = bytearray(bytes.fromhex(FULL)[4:-1])
    data[23:29] = bytes(6)
    assert decode(shtrih.GET_STATUS, bytes(data)).clock is None


def test_numbers_that_were_never_entered() -> None:
    data = bytearray(bytes.fromhex(FULL)[4:-1])
    data[30:34], data[40:46] = b"\xff" * 4, b"\xff" * 6
    status = decode(shtrih.GET_STATUS, bytes(data))
    assert (status.serial, status.taxpayer) == (None, None)


def test_which_bits_a_model_fills_in() -> None:
    assert valid_flags(None) == valid_flags(250) == Flags(0xFFFF)
    assert not valid_flags(9) & Flags.COVER_OPEN
    assert valid_flags(4) & Flags.COVER_OPEN


@pytest.mark.parametrize("command", sorted(shtrih.READ_COMMANDS, key=lambda command: command.name))
class TestEveryCommand:
    @given(st.binary(max_size=80))
    def test_random_data_gives_a_record_or_the_codec_s_error(self, command, data) -> None:
        try:
            decoded = decode(command, data)
        except RemoteProtocolError:
            return
        assert decode(command, data + bytes(5))[0] == decoded[0]  # newer firmware appends

    def test_no_data_is_an_error(self, command) -> None:
        with pytest.raises(RemoteProtocolError):
            decode(command, b"")


def test_only_read_commands_have_a_record() -> None:
    with pytest.raises(KeyError):
        decode(shtrih.Command("41h", b"\x41"), bytes(50))
