"""Shtrih-M registers: the data of an answer becomes a frozen record. Pure.

Numbers are little endian, strings cp1251. The register's own dates are DD MM YY; those of the fiscal storage
("FN") are YY MM DD [HH MM]. A date that cannot be one (a clock that lost its battery says 00 00 00) is None.
Newer firmware appends to its answers, so only what is missing is an error. Bits and fields are named as in
the vendor's manual; source: devices.md section 3.
"""

from __future__ import annotations

import struct
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from probes.protocols import shtrih
from probes.protocols.shtrih import Command, RemoteProtocolError
from probes.protocols.shtrih_bits import ExchangeBits, Flags, FpFlags, Warnings

if TYPE_CHECKING:
    from collections.abc import Callable

BATTERY_V: Final = 5 / 255
SUPPLY_V: Final = 24 / 216
_CENTURY = 2000
_NO_TAXPAYER = 0xFFFFFFFFFFFF
_NO_SERIAL = 0xFFFFFFFF


class DeviceType(NamedTuple):
    """FCh. `type` is 0 for a register, 1 for scales."""

    type: int
    subtype: int
    protocol: int
    subprotocol: int
    model: int
    language: int
    name: str


class ShortStatus(NamedTuple):
    """10h. `mode_status` is the high half of the mode byte, `last_print` None on older firmware."""

    operator: int
    flags: Flags
    mode: int
    mode_status: int
    submode: int
    operations: int
    battery_v: float
    supply_v: float
    fp_error: int
    eklz_error: int
    last_print: int | None


class FullStatus(NamedTuple):
    """11h. `clock` is naive, in the register's own zone; `serial` and `taxpayer` are None until entered."""

    operator: int
    version: str
    build: int
    firmware_date: date | None
    hall: int
    document: int
    flags: Flags
    mode: int
    mode_status: int
    submode: int
    port: int
    fp_version: str
    fp_build: int
    fp_date: date | None
    clock: datetime | None
    fp_flags: FpFlags
    serial: int | None
    last_closed_shift: int
    free_records: int
    registrations: int
    registrations_left: int
    taxpayer: int | None


class FnStatus(NamedTuple):
    """FF01h. `document` is the kind of the open one, 0 for none."""

    phase: int
    document: int
    document_data: int
    shift_open: bool
    warnings: Warnings
    last_at: datetime | None
    number: str
    last_document: int


class FnNumber(NamedTuple):
    """FF02h."""

    number: str


class FnExpiry(NamedTuple):
    """FF03h. The counts of registrations are None on older firmware."""

    expires: date | None
    registrations_left: int | None
    registrations_done: int | None


class FnVersion(NamedTuple):
    """FF04h. `serial` is False for a storage that is made for tests."""

    version: str
    serial: bool


class Registration(NamedTuple):
    """FF09h, the last registration."""

    at: datetime | None
    taxpayer: str
    number: str
    tax_systems: int
    mode: int
    document: int | None
    sign: int | None


class Exchange(NamedTuple):
    """FF39h. With nothing unsent, the first document has no date."""

    bits: ExchangeBits
    reading: int
    unsent: int
    first_document: int
    first_at: datetime | None


class Unconfirmed(NamedTuple):
    """FF3Fh."""

    documents: int


class ShiftState(NamedTuple):
    """FF40h. `number` is that of the open shift, or of the last one."""

    open: bool
    number: int
    receipt: int


Record: TypeAlias = (
    DeviceType
    | ShortStatus
    | FullStatus
    | FnStatus
    | FnNumber
    | FnExpiry
    | FnVersion
    | Registration
    | Exchange
    | Unconfirmed
    | ShiftState
)


def decode(command: Command, data: bytes) -> Record:
    """Return the data of an answer without error as a record.

    Raises:
        RemoteProtocolError: there are fewer bytes than the answer has.
        KeyError: the command has no record: it is not one of `READ_COMMANDS`.
    """
    size, make = _DECODERS[command.name]
    if len(data) < size:
        raise RemoteProtocolError(data, f"{command.name}: {len(data)} bytes of at least {size}")
    return make(data)


def _device_type(data: bytes) -> DeviceType:
    name = data[6:].decode("cp1251", "replace").strip("\0 ")
    return DeviceType(data[0], data[1], data[2], data[3], data[4], data[5], name)


def _short_status(data: bytes) -> ShortStatus:
    operator, flags, mode, submode, low, battery, supply, fp_error, eklz_error, high = struct.unpack_from(
        "<BHBBBBBBBB", data
    )
    return ShortStatus(
        operator,
        Flags(flags),
        mode & 0x0F,
        mode >> 4,
        submode,
        high << 8 | low,
        battery * BATTERY_V,
        supply * SUPPLY_V,
        fp_error,
        eklz_error,
        data[14] if len(data) > 14 else None,
    )


def _full_status(data: bytes) -> FullStatus:
    operator, version, build, made, hall, document, flags, mode, submode, port = struct.unpack_from(
        "<B2sH3sBHHBBB", data
    )
    fp_version, fp_build, fp_made, day, time, fp_flags, serial, shift, free, done, left = struct.unpack_from(
        "<2sH3s3s3sBIHHBB", data, 16
    )
    taxpayer = int.from_bytes(data[40:46], "little")
    return FullStatus(
        operator,
        ".".join(map(chr, version)),
        build,
        _date(made[2], made[1], made[0]),
        hall,
        document,
        Flags(flags),
        mode & 0x0F,
        mode >> 4,
        submode,
        port,
        ".".join(map(chr, fp_version)),
        fp_build,
        _date(fp_made[2], fp_made[1], fp_made[0]),
        _moment(day[::-1], time),
        FpFlags(fp_flags),
        None if serial == _NO_SERIAL else serial,
        shift,
        free,
        done,
        left,
        None if taxpayer in {0, _NO_TAXPAYER} else taxpayer,
    )


def _fn_status(data: bytes) -> FnStatus:
    return FnStatus(
        data[0],
        data[1],
        data[2],
        bool(data[3]),
        Warnings(data[4]),
        _moment(data[5:8], data[8:10]),
        _text(data[10:26]),
        int.from_bytes(data[26:30], "little"),
    )


def _fn_expiry(data: bytes) -> FnExpiry:
    counts = (data[3], data[4]) if len(data) > 4 else (None, None)
    return FnExpiry(_date(*data[:3]), *counts)


def _registration(data: bytes) -> Registration:
    # one byte, the reason, stands before the document's number since format 1.05: so from the end
    document, sign = struct.unpack_from("<II", data, len(data) - 8) if len(data) >= 47 else (None, None)
    return Registration(
        _moment(data[:3], data[3:5]),
        _text(data[5:17]),
        _text(data[17:37]),
        data[37],
        data[38],
        document,
        sign,
    )


def _exchange(data: bytes) -> Exchange:
    bits, reading, unsent, first = struct.unpack_from("<BBHI", data)
    return Exchange(
        ExchangeBits(bits), reading, unsent, first, _moment(data[8:11], data[11:13]) if unsent else None
    )


def _shift_state(data: bytes) -> ShiftState:
    return ShiftState(bool(data[0]), *struct.unpack_from("<HH", data, 1))


def _text(data: bytes) -> str:
    return data.decode("cp1251", "replace").strip("\0 ")


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(_CENTURY + year, month, day)
    except ValueError:
        return None


def _moment(day: bytes, time: bytes) -> datetime | None:
    """Return the moment of a day (year, month, day) and a time (hour, minute, perhaps second)."""
    year, month, number = day
    hour, minute, second = (*time, 0)[:3]
    try:
        return datetime(_CENTURY + year, month, number, hour, minute, second)  # noqa: DTZ001  it names no zone
    except ValueError:
        return None


# the least number of bytes behind the error byte, and what makes the record
_DECODERS: Final[dict[str, tuple[int, Callable[[bytes], Record]]]] = {
    shtrih.GET_DEVICE_TYPE.name: (6, _device_type),
    shtrih.GET_SHORT_STATUS.name: (11, _short_status),
    shtrih.GET_STATUS.name: (46, _full_status),
    shtrih.FN_GET_STATUS.name: (30, _fn_status),
    shtrih.FN_GET_NUMBER.name: (16, lambda data: FnNumber(_text(data[:16]))),
    shtrih.FN_GET_EXPIRY.name: (3, _fn_expiry),
    shtrih.FN_GET_VERSION.name: (17, lambda data: FnVersion(_text(data[:16]), bool(data[16]))),
    shtrih.FN_GET_REGISTRATION.name: (39, _registration),
    shtrih.FN_GET_EXCHANGE.name: (13, _exchange),
    shtrih.FN_GET_UNCONFIRMED.name: (2, lambda data: Unconfirmed(int.from_bytes(data[:2], "little"))),
    shtrih.FN_GET_SHIFT.name: (5, _shift_state),
}
