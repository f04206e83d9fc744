"""What the answers of Datecs registers mean: status bits, and the fields behind them.

A bit is named by one number, as the manual writes it: 4.6, bit 6 of byte 4, is 0x46. Both framings have
the same bits where not noted. The bits are those of the Bulgarian models (P v1.00BG, X v2.02); older firmware
and that of other countries puts some elsewhere (FP-2000 v3.10: cover 1.5, journal error 0.6): UNVERIFIED
there, so the raw bytes are always shown.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from probes.protocols.datecs import Framing

_CLOCK = re.compile(r"(\d\d)-(\d\d)-(\d{2}|\d{4}) (\d\d):(\d\d)(?::(\d\d))?")
_MAX_DIGITS = 9


class Bit(IntEnum):
    """The status bits, byte in the high nibble."""

    SYNTAX_ERROR = 0x00
    INVALID_COMMAND = 0x01
    CLOCK_NOT_SET = 0x02  # X: not synchronised
    NO_CUSTOMER_DISPLAY = 0x03  # P
    PRINTING_UNIT_FAULT = 0x04
    GENERAL_ERROR = 0x05  # OR of all those marked with # in the manual
    COVER_OPEN = 0x06
    OVERFLOW = 0x10
    NOT_ALLOWED = 0x11
    RAM_RESET = 0x12  # P
    LOW_BATTERY = 0x13  # P
    STORNO_RECEIPT_OPEN = 0x14  # P
    ROTATED_RECEIPT_OPEN = 0x15  # P
    TAX_TERMINAL_SILENT = 0x16  # P
    NO_PAPER = 0x20
    LOW_PAPER = 0x21
    EJ_END = 0x22
    FISCAL_RECEIPT_OPEN = 0x23
    EJ_NEAR_END = 0x24
    SERVICE_RECEIPT_OPEN = 0x25
    EJ_VERY_NEAR_END = 0x26  # P
    FM_STORE_ERROR = 0x40
    TAX_ID_SET = 0x41
    IDS_SET = 0x42
    FM_NEAR_FULL = 0x43  # P: fewer than 50 records, X: fewer than 60
    FM_FULL = 0x44
    FM_ERROR = 0x45  # OR of all those marked with *
    HEAD_OVERHEATED_OR_FM_MISSING = 0x46  # P: the print head is too hot; X: fiscal memory missing or damaged
    FM_READ_ONLY = 0x50  # P
    FM_FORMATTED = 0x51
    LAST_STORE_FAILED = 0x52  # P
    FISCALISED = 0x53
    VAT_SET = 0x54
    FM_READ_ERROR = 0x55  # P


GENERAL_ERRORS = {
    Bit.PRINTING_UNIT_FAULT, Bit.INVALID_COMMAND, Bit.SYNTAX_ERROR, Bit.LOW_BATTERY, Bit.RAM_RESET,
    Bit.NOT_ALLOWED, Bit.NO_PAPER, Bit.OVERFLOW,
}  # fmt: skip
"""What `GENERAL_ERROR` is the OR of: without one of them it stands for an error that has no bit."""


def bits(status: bytes) -> frozenset[int]:
    """Return the bits that are set, by their numbers; bit 7 is always set and left out."""
    return frozenset(
        byte << 4 | bit for byte, value in enumerate(status[:16]) for bit in range(7) if value >> bit & 1
    )


def shown(numbers: frozenset[int]) -> str:
    """Return bits as the manual writes them: `0.5 2.0`."""
    return " ".join(f"{number >> 4}.{number & 0x0F}" for number in sorted(numbers)) or "-"


def fields(framing: Framing, data: bytes) -> tuple[int, list[str]]:
    """Return the error code of an answer (0: none, always so in P) and its fields."""
    text = data.decode("cp1251", "replace")
    if framing is Framing.P:
        return 0, text.split(",")
    head, *rest = text.split("\t")
    if rest and rest[-1] == "":
        rest.pop()  # every field has a TAB behind it
    code = number(head)
    return (0, text.split("\t")) if code is None else (code, rest)


def number(text: str) -> int | None:
    """Return a whole number with a sign, None if it is none or too long to be one."""
    stripped = text.strip()
    digits = stripped.lstrip("+-")
    fits = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    return int(stripped) if fits and len(stripped) - len(digits) <= 1 else None


class Diagnostics(NamedTuple):
    """Who the device is."""

    name: str
    firmware: str
    serial: str
    fm_number: str


def diagnostics(framing: Framing, data: bytes) -> Diagnostics | None:
    """Return what 5Ah says, None if it has not the form of the manual.

    P: Name,FwRev Country Date Time,Chk,Sw,Ser,FM. X: code, Name, FwRev, Date, Time, Checksum, Sw, Ser, FM.
    """
    code, told = fields(framing, data)
    if framing is Framing.X and len(told) == 1:  # some models answer in the other form all the same
        told = told[0].split(",")
    if code or len(told) not in {5, 6, 8}:
        return None
    return Diagnostics(told[0].strip(), told[1].strip(), told[-2].strip(), told[-1].strip())


def clock(framing: Framing, data: bytes) -> datetime | None:
    """Return the register's own time, None if the answer holds none."""
    code, told = fields(framing, data)
    return None if code or not told else moment(told[0])


def moment(text: str) -> datetime | None:
    """Return the first `DD-MM-YY hh:mm[:ss]` of a text (a year of four digits, too), naive."""
    found = _CLOCK.search(text)
    if found is None:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second)  # noqa: DTZ001  the register tells no zone
    except ValueError:
        return None


class Unsent(NamedTuple):
    """What 4Ah R says. `first` is 0 and `minutes` 0 when nothing waits."""

    last_printed: int
    last_sent: int
    first: int
    first_at: datetime | None
    minutes: int

    @property
    def documents(self) -> int:
        """The documents from the first unsent one to the last printed one: at most so many wait."""
        if not self.minutes and (self.first == 0 or self.first > self.last_printed):
            return 0
        return max(1, self.last_printed - self.first + 1)


def unsent(data: bytes) -> Unsent | None:
    """Return what 4Ah R says, None if it has not the form of the manual.

    `Last,(LastSent,Date,Minutes),(FirstUnsent,Date,Minutes)`; whether the parentheses are sent is
    UNVERIFIED, so both are read.
    """
    told = data.decode("ascii", "replace").replace("(", "").replace(")", "").split(",")
    if len(told) != 7:
        return None
    counts = [number(told[place]) for place in (0, 1, 4, 6)]
    if any(count is None or count < 0 for count in counts):
        return None
    printed, sent, first, minutes = (count or 0 for count in counts)
    return Unsent(printed, sent, first, moment(told[5]), minutes)
