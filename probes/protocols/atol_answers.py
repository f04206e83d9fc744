"""ATOL registers: the commands that only read, and what their answers mean. Protocols 2 and 3 carry the same.

Source: devices.md section 4b, and the layouts that TerminalClient and atol4j agree on. A command is sent as
two bytes of password (BCD, 0000 for status) and its own bytes; an answer is `55 ERROR data`, but for A5
(`ERROR data`), 3F (`44 data`) and 45 (`55 MODE FLAGS`, no error byte).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple


class AtolError(Exception):
    """Base of what the ATOL codecs raise."""


class LocalProtocolError(AtolError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(AtolError):
    """The register sent bytes that are no sound frame or no sound answer; `data` are those bytes."""

    def __init__(self, data: bytes, what: str = "no frame of an ATOL register") -> None:
        super().__init__(f"{what}: {data.hex()}")
        self.data = data


class ChecksumError(RemoteProtocolError):
    """A whole frame whose checksum is wrong; it was dropped, ask for it once more."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, "wrong checksum")


class DeviceError(AtolError):
    """The register answered with an error; `number` is a row of the table `atol-wire`."""

    def __init__(self, number: int) -> None:
        super().__init__(f"error {number:02x}")
        self.number = number


class ReadRequest(NamedTuple):
    """One question."""

    name: str
    data: bytes


def _read(text: str) -> ReadRequest:
    return ReadRequest(text, bytes.fromhex(text))


DEVICE_TYPE: Final = _read("A5")
STATUS: Final = _read("3F")
STATE_CODE: Final = _read("45")
FIRMWARE: Final = _read("9D 01")
SHIFT: Final = _read("A4 10")
OFD_EXCHANGE: Final = _read("A4 20")
FN_STATUS: Final = _read("A4 30")
FN_NUMBER: Final = _read("A4 31")
FN_EXPIRY: Final = _read("A4 32")
FN_VERSION: Final = _read("A4 33")
SHIFT_END: Final = _read("91 12 00 00")
SERIAL_NUMBER: Final = _read("91 16 00 00")
UNSENT_COUNT: Final = _read("91 2C 00 00")
FFD_VERSION: Final = _read("91 36 00 00")
EXTENDED_ERROR: Final = _read("91 37 00 00")

READ_REQUESTS: Final = frozenset(
    {
        DEVICE_TYPE,
        STATUS,
        STATE_CODE,
        FIRMWARE,
        SHIFT,
        OFD_EXCHANGE,
        FN_STATUS,
        FN_NUMBER,
        FN_EXPIRY,
        FN_VERSION,
    }
    | {SHIFT_END, SERIAL_NUMBER, UNSENT_COUNT, FFD_VERSION, EXTENDED_ERROR}
)
_ERROR_SIZE = 3  # 55, the error, 00
_DAY = timedelta(days=1)
_NEAR = timedelta(minutes=2)  # the storage keeps minutes only
DEFAULT_PASSWORD: Final = "0000"  # noqa: S105  what the protocol documents for questions about the state


def command_bytes(request: ReadRequest, password: str = DEFAULT_PASSWORD) -> bytes:
    """Return password and command, as both protocols carry them.

    Raises:
        LocalProtocolError: the request is not one of `READ_REQUESTS`, or the password cannot be one.
    """
    if request not in READ_REQUESTS:
        raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    if not (password.isascii() and password.isdigit() and len(password) <= 4):
        raise LocalProtocolError("a password has up to four digits")
    return bytes.fromhex(password.rjust(4, "0")) + request.data


class StatusFlag(IntFlag):
    """Byte 9 of the answer to 3F. Bit 7 means a battery that is low: one source (atol4j)."""

    FISCALISED = 0x01
    SHIFT_OPEN = 0x02
    DRAWER_OPEN = 0x04
    PAPER_PRESENT = 0x08
    COVER_OPEN = 0x20
    FISCAL_STORAGE_ACTIVE = 0x40
    BATTERY_LOW = 0x80


class StateFlag(IntFlag):
    """Byte 2 of the answer to 45."""

    NO_PAPER = 0x01
    NO_PRINTER_LINK = 0x02
    MECHANICAL_ERROR = 0x04
    CUTTER_ERROR = 0x08
    OVERHEATED = 0x10


class FnPhase(IntEnum):
    """Phases of a fiscal storage."""

    SETUP = 0
    READY = 1
    FISCAL = 3
    CLOSED_SENDING = 7
    ARCHIVE_READ_ONLY = 15


class FnWarning(IntFlag):
    """Warnings of a fiscal storage; bits 4 to 6 are UNVERIFIED and have no name here."""

    EXPIRES_IN_3_DAYS = 0x01
    EXPIRES_IN_30_DAYS = 0x02
    MEMORY_90_PERCENT = 0x04
    OFD_OVERDUE = 0x08
    CRITICAL_FAULT = 0x80


class ExchangeFlag(IntFlag):
    """State of the exchange with the operator of fiscal data."""

    TRANSPORT_UP = 0x01
    HAS_MESSAGE = 0x02
    WAITS_FOR_RECEIPT = 0x04
    HAS_OFD_COMMAND = 0x08
    SETTINGS_CHANGED = 0x10
    WAITS_FOR_COMMAND_ANSWER = 0x20


class DeviceType(NamedTuple):
    """A5. `name` is in code page 866."""

    protocol: int
    kind: int
    model: int
    name: str


class Status(NamedTuple):
    """3F. `clock` is the register's own, None if it is no date."""

    clock: datetime | None
    flags: StatusFlag
    serial: str
    model: int
    mode: int
    shift_number: int


class StateCode(NamedTuple):
    """45."""

    mode: int
    submode: int
    flags: StateFlag


class ShiftState(NamedTuple):
    """A4 10. `state` is 0 (closed), 1 (open), or 2 (open for more than 24 hours; UNVERIFIED).

    The numbers behind it are read as binary by one source and as BCD by another: left out.
    """

    state: int


class Exchange(NamedTuple):
    """A4 20."""

    flags: ExchangeFlag
    unsent: int
    first_number: int
    first_at: datetime | None


class FnStatus(NamedTuple):
    """A4 30. `phase` is a number where it is none of `FnPhase`; `last_at` is the last document's moment."""

    phase: int
    document: int
    shift_open: bool
    warnings: FnWarning
    last_at: datetime | None
    number: str
    last_number: int


def answer_data(request: ReadRequest, answer: bytes) -> bytes:
    """Return the answer without its head.

    Raises:
        DeviceError: the register answers with an error.
        RemoteProtocolError: it is no answer to this request.
    """
    if not answer:
        raise RemoteProtocolError(answer, f"an empty answer to {request.name}")
    head = answer[0]
    if request == DEVICE_TYPE and head != 0x55:
        if head:
            raise DeviceError(head)
        return answer[1:]
    if request == STATUS and head == 0x44:
        return answer[1:]
    if head != 0x55 or len(answer) < 2:
        raise RemoteProtocolError(answer, f"no answer to {request.name}")
    if request == STATE_CODE:
        return answer[1:]
    if answer[1] and len(answer) <= _ERROR_SIZE:
        raise DeviceError(answer[1])
    if answer[1]:  # a 00 was lost on the way, which a checksum by XOR does not show
        raise RemoteProtocolError(answer, f"no answer to {request.name}")
    if request == STATUS:
        raise RemoteProtocolError(answer, f"no answer to {request.name}")
    return answer[2:]


def device_type(data: bytes) -> DeviceType:
    """Return the answer to A5. Raises: RemoteProtocolError."""
    _at_least(data, 10)
    return DeviceType(data[0], data[1], data[2], data[10:].decode("cp866", "replace").strip("\0 "))


def status(data: bytes) -> Status:
    """Return the answer to 3F. Raises: RemoteProtocolError."""
    _at_least(data, 29)
    clock = moment(bcd(data[2:8]))
    serial = bcd(data[9:13])
    return Status(clock, StatusFlag(data[8]), serial, data[13], data[16] & 0x0F, int(bcd(data[19:21])))


def state_code(data: bytes) -> StateCode:
    """Return the answer to 45. Raises: RemoteProtocolError."""
    _at_least(data, 2)
    return StateCode(data[0] & 0x0F, data[0] >> 4, StateFlag(data[1]))


def firmware(data: bytes) -> str:
    """Return version and build of the answer to 9D, as `3.15.7104`. Raises: RemoteProtocolError.

    One source has a byte more in front; the five bytes of the version are the last ones in both.
    """
    _at_least(data, 5)
    version, part, _language, *build = data[-5:]
    return f"{version:x}.{part:x}.{bytes(build).hex().lstrip('0') or '0'}"


def shift_state(data: bytes) -> ShiftState:
    """Return the answer to A4 10. Raises: RemoteProtocolError."""
    _at_least(data, 1)
    return ShiftState(data[0])


def exchange(data: bytes) -> Exchange:
    """Return the answer to A4 20. Raises: RemoteProtocolError."""
    _at_least(data, 13)
    first_at = _binary_moment(data[8:13])
    unsent, first = int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:8], "little")
    return Exchange(ExchangeFlag(data[0]), unsent, first, first_at)


def fn_status(data: bytes) -> FnStatus:
    """Return the answer to A4 30. Raises: RemoteProtocolError."""
    _at_least(data, 30)
    number = data[10:26].decode("ascii", "replace").strip("\0 ")
    last_number = int.from_bytes(data[26:30], "little")
    return FnStatus(
        data[0], data[1], bool(data[3]), FnWarning(data[4]), _binary_moment(data[5:10]), number, last_number
    )


def fn_expiry(data: bytes) -> date | None:
    """Return the last day of the answer to A4 32. Raises: RemoteProtocolError."""
    _at_least(data, 3)
    found = _binary_moment(data[:3] + b"\0\0")
    return found.date() if found else None


def shift_end(data: bytes) -> datetime | None:
    """Return the moment in register 12h: state, DD MM YY, HH MM SS. Raises: RemoteProtocolError.

    UNVERIFIED: one source, which reads it as the moment until which an open shift may last in one place, and
    as the moment of its opening in another. See `shift_is_over`.
    """
    _at_least(data, 7)
    day, month, year, *time = data[1:7]
    return moment(bcd(bytes((year, month, day, *time))))


def shift_is_over(end: datetime | None, clock: datetime | None, last_document: datetime | None) -> bool:
    """Return whether an open shift has lasted for more than 24 hours, as far as it can be known.

    Opening a shift is a document, and after 24 hours there are no further ones. So a last document that is a
    day old proves it; so does a document before the moment of register 12h that lies in the past, for that
    moment cannot be the opening then; so does a moment that is itself a day old, whatever it means.
    """
    if clock is None:
        return False
    if last_document is not None and clock - last_document >= _DAY:
        return True
    if end is None or end > clock:
        return False
    if clock - end >= _DAY:
        return True
    return last_document is not None and last_document < end - _NEAR


def bcd(data: bytes) -> str:
    """Return packed decimal digits as text.

    Raises:
        RemoteProtocolError: a half of a byte is no digit.
    """
    digits = data.hex()
    if not digits.isdecimal():
        raise RemoteProtocolError(data, "no decimal digits")
    return digits


def moment(digits: str) -> datetime | None:
    """Return the moment of YYMMDDHHMMSS, None if there is no such moment."""
    try:
        year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001  a register has no zone
    except ValueError:
        return None


def _binary_moment(data: bytes) -> datetime | None:
    year, month, day, hour, minute = data
    try:
        return datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001  a register has no zone
    except ValueError:
        return None


def _at_least(data: bytes, count: int) -> None:
    if len(data) < count:
        raise RemoteProtocolError(data, f"an answer of {len(data)} bytes where {count} belong")
