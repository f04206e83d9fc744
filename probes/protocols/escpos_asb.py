"""ESC/POS status in its other two forms: Automatic Status Back, and the paper sensors by GS r.

Apart from `escpos`, because few checks need it and a till PC feels every class that is made at start-up.
Source: Epson ESC/POS Command Reference for TM printers (GS a, GS r).
"""

from __future__ import annotations

from enum import IntFlag

from probes.protocols.escpos import (
    FIXED_MASK,
    NEED_MORE,
    Asb,
    ErrorCause,
    OfflineCause,
    PrinterStatus,
    Reader,
    RemoteProtocolError,
    RollPaperSensor,
    StatusReading,
    roll_paper,
)


class PaperSensor(IntFlag):
    """GS r 1; also byte 3 of an ASB block."""

    NEAR_END = 0x03
    PAPER_NOT_PRESENT = 0x0C


class AsbFirst(IntFlag):
    """Byte 1 of an ASB block."""

    DRAWER_KICK_OUT_CONNECTOR_PIN_3_HIGH = 0x04
    OFFLINE = 0x08
    COVER_OPEN = 0x20
    PAPER_FED_BY_BUTTON = 0x40


class AsbSecond(IntFlag):
    """Byte 2 of an ASB block."""

    WAITING_FOR_ONLINE_RECOVERY = 0x01
    PAPER_FEED_BUTTON_PRESSED = 0x02
    RECOVERABLE_ERROR = 0x04
    AUTOCUTTER_ERROR = 0x08
    UNRECOVERABLE_ERROR = 0x20
    AUTO_RECOVERABLE_ERROR = 0x40


def pushed_block(data: bytes) -> Asb | None:
    """Return the first block if `data` is nothing but blocks: among noise, bytes look like one by chance."""
    reader = Reader()
    reader.feed(data)
    try:
        event = reader.next_event()
        first = event
        while isinstance(event, Asb):
            event = reader.next_event()
    except RemoteProtocolError:
        return None
    return first if isinstance(first, Asb) and event == NEED_MORE else None


def reading_from_asb(block: Asb) -> StatusReading:
    """Return the same reading from a block that the printer pushed."""
    first, second = AsbFirst(block.first & ~FIXED_MASK), AsbSecond(block.second & 0x6F)
    paper = roll_paper(block.third, PaperSensor.NEAR_END, PaperSensor.PAPER_NOT_PRESENT)
    error = ErrorCause(second & 0x6C)  # the same bits in the same places
    return StatusReading(
        PrinterStatus(first & 0x0C)
        | (PrinterStatus.WAITING_FOR_ONLINE_RECOVERY if second & AsbSecond.WAITING_FOR_ONLINE_RECOVERY else 0)
        | (PrinterStatus.PAPER_FEED_BUTTON_PRESSED if second & AsbSecond.PAPER_FEED_BUTTON_PRESSED else 0),
        OfflineCause(0)
        | (OfflineCause.COVER_OPEN if first & AsbFirst.COVER_OPEN else 0)
        | (OfflineCause.PAPER_FED_BY_BUTTON if first & AsbFirst.PAPER_FED_BY_BUTTON else 0)
        | (OfflineCause.PRINTING_STOPPED_BY_PAPER_END if paper & RollPaperSensor.PAPER_NOT_PRESENT else 0)
        | (OfflineCause.ERROR_OCCURRED if error else 0),
        error,
        paper,
    )


def paper_reading(sensor: int) -> RollPaperSensor:
    """Return the paper sensors from the answer byte to GS r 1."""
    return roll_paper(sensor, PaperSensor.NEAR_END, PaperSensor.PAPER_NOT_PRESENT)
