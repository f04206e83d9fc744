"""What the answers of Tremol registers mean. A bit is named by one number: ST1.3 (byte 1, bit 3) is 0x13."""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

STATUS_SIZE = 7
_MOMENT = re.compile(r"(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d)")
_MAX_DIGITS = 9
_PRINTER_SIZE = 4


class Bit(IntEnum):
    """The bits of the answer to 20h, byte in the high nibble."""

    FM_READ_ONLY = 0x00
    POWER_DOWN_IN_RECEIPT = 0x01
    OVERHEATED = 0x02
    CLOCK_NOT_SET = 0x03
    CLOCK_WRONG = 0x04
    RAM_RESET = 0x05
    CLOCK_HARDWARE_ERROR = 0x06
    NO_PAPER = 0x10
    REGISTERS_OVERFLOW = 0x11
    DAILY_REPORT_NOT_ZEROED = 0x13
    NON_FISCAL_RECEIPT_OPEN = 0x20
    FISCAL_RECEIPT_OPEN = 0x21
    DETAILED_RECEIPT_OPEN = 0x22
    VAT_RECEIPT_OPEN = 0x23
    INVOICE_OPEN = 0x24
    SD_NEAR_FULL = 0x25
    SD_FULL = 0x26
    NO_FM = 0x30
    FM_ERROR = 0x31
    FM_FULL = 0x32
    FM_NEAR_FULL = 0x33
    FISCALISED = 0x35
    FM_PRODUCED = 0x36
    WRONG_SIM = 0x50
    BLOCKED_3_DAYS = 0x51
    NO_NRA_TASK = 0x52
    WRONG_SD = 0x55
    DEREGISTERED = 0x56
    NO_SIM = 0x60
    NO_MODEM = 0x61
    NO_OPERATOR = 0x62
    NO_GPRS = 0x63
    NEAR_PAPER_END = 0x64
    UNSENT_24_HOURS = 0x65


class PrinterBit(IntEnum):
    """The bits of the printer's own status in the answer to 66h."""

    DRAWER = 0x02
    NOT_READY = 0x03
    COVER_OPEN = 0x05
    CUTTER_ERROR = 0x13
    FATAL_ERROR = 0x15
    OVERHEATED = 0x16
    JOURNAL_NEAR_END = 0x20
    RECEIPT_NEAR_END = 0x21
    JOURNAL_END = 0x22
    RECEIPT_END = 0x23


def bits(status: bytes) -> frozenset[int]:
    """Return the bits that are set, by their numbers; bit 7 is always set and left out."""
    return frozenset(
        byte << 4 | bit for byte, value in enumerate(status[:16]) for bit in range(7) if value >> bit & 1
    )


def shown(numbers: frozenset[int]) -> str:
    """Return bits as the manual counts them: `ST0.2 ST1.0`."""
    return " ".join(f"ST{number >> 4}.{number & 0x0F}" for number in sorted(numbers)) or "-"


def fields(data: bytes) -> list[str]:
    """Return the fields of an answer, without the blanks that fill them up."""
    return [field.strip() for field in data.decode("cp1251", "replace").split(";")]


def number(text: str) -> int | None:
    """Return a whole number, None if it is none or too long to be one."""
    fits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if fits else None


def moment(text: str) -> datetime | None:
    """Return a `DD-MM-YYYY HH:MM`, naive; None if it is none (nothing unsent: zeros)."""
    found = _MOMENT.search(text)
    if found is None:
        return None
    day, month, year, hour, minute = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute)  # noqa: DTZ001  the register tells no zone
    except ValueError:
        return None


def printer(data: bytes) -> frozenset[int] | None:
    """Return the printer's own bits from the answer to 66h: `display;four bytes;jumper`."""
    if len(data) < 2 + _PRINTER_SIZE or data[1:2] != b";":
        return None
    return bits(data[2 : 2 + _PRINTER_SIZE])


class Unsent(NamedTuple):
    """What 4Eh says of the tax server. `first` is 0 when nothing waits."""

    last_sent: int
    last_sent_at: datetime | None
    first: int
    first_at: datetime | None
    message: str


def unsent(data: bytes) -> Unsent | None:
    """Return what 4Eh says, None if it has not the form of the manual."""
    told = fields(data)
    if len(told) < 5:
        return None
    last, first = number(told[0]), number(told[2])
    if last is None or first is None:
        return None
    return Unsent(last, moment(told[1]), first, moment(told[3]), ";".join(told[4:]))
