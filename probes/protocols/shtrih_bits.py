"""Shtrih-M registers: bits, modes and phases, named as in the vendor's manual (devices.md section 3)."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class Flags(IntFlag):
    """Two bytes of 10h and 11h. Which of them a model fills in is told by `valid_flags`."""

    JOURNAL_ROLL = 0x0001
    RECEIPT_ROLL = 0x0002
    SLIP_UPPER_SENSOR = 0x0004
    SLIP_LOWER_SENSOR = 0x0008
    DECIMAL_POINT = 0x0010
    EKLZ = 0x0020
    JOURNAL_OPTICAL = 0x0040
    RECEIPT_OPTICAL = 0x0080  # 0: no paper
    # CONFLICT: 1 is "lowered" in the manual, "up" in the vendor's driver: shown raw, never judged
    JOURNAL_LEVER = 0x0100
    RECEIPT_LEVER = 0x0200
    COVER_OPEN = 0x0400
    DRAWER_OPEN = 0x0800
    RIGHT_SENSOR_FAILED = 0x1000  # or, by model, paper at the presenter
    LEFT_SENSOR_FAILED = 0x2000
    EKLZ_NEAR_FULL = 0x4000
    BUFFER_NOT_EMPTY = 0x8000


# Bits that mean something, by the model number of FCh; others fill in all that is read here. [PYS]
_VALID: Final = {4: Flags(0x4FF3), 9: Flags(0x4ABE), 12: Flags(0x4ABE)}


def valid_flags(model: int | None) -> Flags:
    """Return the bits that a model fills in."""
    return _VALID.get(-1 if model is None else model, Flags(0xFFFF))


class FpFlags(IntFlag):
    """One byte of 11h; pyshtrih 2.0.6 reads it in reverse order."""

    FP1 = 0x01
    FP2 = 0x02
    LICENCE = 0x04
    OVERFLOW = 0x08
    BATTERY_BELOW_80 = 0x10
    LAST_RECORD_OK = 0x20
    SHIFT_OPEN = 0x40
    SHIFT_OVER_24H = 0x80


class Mode(IntEnum):
    """The low half of the mode byte."""

    READY = 0
    DATA_DUMP = 1
    SHIFT_OPEN = 2
    SHIFT_OVER_24H = 3
    SHIFT_CLOSED = 4
    LOCKED_BY_TAX_PASSWORD = 5
    WAITS_FOR_DATE_CONFIRMATION = 6
    DECIMAL_POINT_CHANGE = 7
    DOCUMENT_OPEN = 8
    TECHNOLOGICAL_RESET = 9
    TEST_RUN = 10
    FULL_FISCAL_REPORT = 11
    EKLZ_REPORT = 12
    SLIP_DOCUMENT = 13
    SLIP_PRINTING = 14
    SLIP_READY = 15


class Submode(IntEnum):
    """Paper, and whether it prints."""

    PAPER_PRESENT = 0
    PAPER_OUT_IDLE = 1
    PAPER_OUT_PRINTING = 2
    WAITS_FOR_CONTINUE = 3
    PRINTING_REPORT = 4
    PRINTING = 5


class LastPrint(IntEnum):
    """The result of the last print, where 10h has it."""

    OK = 0
    NO_PAPER = 1
    PRINTER_FAILED = 2
    BUSY = 5


class Phase(IntEnum):
    """Life of the fiscal storage."""

    SETUP = 0
    READY = 1
    FISCAL = 3
    CLOSED_SENDING = 7
    ARCHIVE = 15


class Warnings(IntFlag):
    """Warning flags of the fiscal storage. 10, 20 and 40 are UNVERIFIED, and without a name."""

    CRYPTO_3_DAYS = 0x01
    CRYPTO_30_DAYS = 0x02
    MEMORY_90_PERCENT = 0x04
    OPERATOR_OVERDUE = 0x08
    CRITICAL_FAULT = 0x80


class ExchangeBits(IntFlag):
    """State of the exchange with the operator."""

    TRANSPORT_UP = 0x01
    MESSAGE_TO_SEND = 0x02
    WAITS_FOR_RECEIPT = 0x04
    OPERATOR_COMMAND = 0x08
    SETTINGS_CHANGED = 0x10
    WAITS_FOR_COMMAND_ANSWER = 0x20
