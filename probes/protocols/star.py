"""Star line mode and StarPRNT status: one question, and the block of the printer's answer.

Source: Star Line Thermal / Dot command manuals (HSP7000, BD100, SP700), section "status". The same block is
pushed by a printer whose Automatic Status Back is switched on. Bytes 7 to 9 (slip, presenter, ETB counter)
are kept as they are: their layout depends on the model.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final, Literal, NamedTuple, TypeAlias


class StarError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(StarError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(StarError):
    """The printer sent bytes that are no status block; they are dropped, the reader goes on behind them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"no status of a Star printer: {data.hex()}")
        self.data = data


class ReadRequest(NamedTuple):
    """One question."""

    name: str
    data: bytes


ASB_REQUEST: Final = ReadRequest("ESC ACK SOH", b"\x1b\x06\x01")
READ_REQUESTS: Final = frozenset({ASB_REQUEST})


def encode(request: ReadRequest) -> bytes:
    """Return the bytes of `request`.

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`.
    """
    if request not in READ_REQUESTS:
        raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    return request.data


class PrinterStatus(IntFlag):
    """Byte 3."""

    ETB_EXECUTED = 0x02
    COMPULSION_SWITCH_CLOSED = 0x04
    OFFLINE = 0x08
    COVER_OPEN = 0x20
    OFFLINE_BY_SWITCH = 0x40


class ErrorStatus(IntFlag):
    """Byte 4."""

    MECHANICAL_ERROR = 0x04
    AUTOCUTTER_ERROR = 0x08
    UNRECOVERABLE_ERROR = 0x20
    HEAD_OVERHEATED = 0x40


class JobStatus(IntFlag):
    """Byte 5."""

    HEAD_UP = 0x02
    PRESENTER_PAPER_JAM = 0x04
    BLACK_MARK_ERROR = 0x08
    PAGE_MODE_COMMAND_ERROR = 0x20
    RECEIVE_BUFFER_OVERFLOW = 0x40


class PaperSensor(IntFlag):
    """Byte 6."""

    NEAR_END_OUTER = 0x02
    NEAR_END_INNER = 0x04
    PAPER_END = 0x08


HEADER_MASK, HEADER_FIXED = 0x91, 0x01
_VERSION_MASK = 0x11  # bit 7 of byte 2 announces an expansion and may be set
_BODY_MASK = 0x91
_SHORTEST = 6  # paper is in byte 6; a block that ends before it says too little to be one
_FLOW_CONTROL = frozenset({0x11, 0x13})  # XON, XOFF may stand anywhere on a serial wire


class StarStatus(NamedTuple):
    """A status block; `raw` is all of it, without flow control."""

    raw: bytes
    printer: PrinterStatus
    error: ErrorStatus
    job: JobStatus
    paper: PaperSensor


NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


def block_size(header: int) -> int:
    """Return how many bytes the block with this first byte has, the first one included."""
    return ((header >> 2) & 0x18) | ((header >> 1) & 0x07)


class Reader:
    """Finds status blocks in the stream of a printer."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += bytes(byte for byte in data if byte not in _FLOW_CONTROL)

    def next_event(self) -> StarStatus | NeedMore:
        """Return the next block.

        Raises:
            RemoteProtocolError: bytes that are none; the reader has dropped them, call it again.
        """
        if not self._pending:
            return NEED_MORE
        header = self._pending[0]
        size = block_size(header)
        if header & HEADER_MASK != HEADER_FIXED or size < _SHORTEST:
            raise RemoteProtocolError(self._take(1))
        for place in range(1, min(size, len(self._pending))):
            if self._pending[place] & (_VERSION_MASK if place == 1 else _BODY_MASK):
                raise RemoteProtocolError(self._take(place))
        return _decode(self._take(size)) if len(self._pending) >= size else NEED_MORE

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


def pushed_block(data: bytes) -> StarStatus | None:
    """Return the first block if `data` is nothing but blocks: among noise, bytes look like one by chance."""
    reader = Reader()
    reader.feed(data)
    try:
        event = first = reader.next_event()
        while event != NEED_MORE:
            event = reader.next_event()
    except RemoteProtocolError:
        return None
    return None if first == NEED_MORE else first


def _decode(raw: bytes) -> StarStatus:
    return StarStatus(
        raw,
        PrinterStatus(raw[2] & 0x6E),
        ErrorStatus(raw[3] & 0x6C),
        JobStatus(raw[4] & 0x6E),
        PaperSensor(raw[5] & 0x0E),
    )
