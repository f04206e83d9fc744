"""ESC/POS status: which questions may be put to a receipt printer, and what its answers mean.

Source: Epson ESC/POS Command Reference for TM printers (DLE EOT, GS r, GS I, GS a). There is no frame and no
checksum: single bytes are told apart by their fixed bits. All requests here only read; nothing else can be
encoded.
"""

from __future__ import annotations

from enum import Enum, IntFlag
from typing import Final, Literal, NamedTuple, TypeAlias


class EscposError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(EscposError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(EscposError):
    """The printer sent bytes that answer no question; they are dropped, the reader goes on behind them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"no answer of an ESC/POS printer: {data.hex()}")
        self.data = data


class Reply(Enum):
    """The form of an answer: it decides how a byte that fits nothing else is read."""

    STATUS = "one byte, fixed bits 0xx1xx10"
    SENSOR = "one byte, fixed bits 0xx0xxxx"
    ID = "one byte, any value"
    TEXT = "5F, text, 00"


class ReadRequest(NamedTuple):
    """One question. Real-time ones are answered at once, the others only while the printer is online."""

    name: str
    data: bytes
    reply: Reply
    realtime: bool


def _dle_eot(n: int) -> ReadRequest:
    return ReadRequest(f"DLE EOT {n}", bytes((0x10, 0x04, n)), Reply.STATUS, realtime=True)


def _gs_r(n: int) -> ReadRequest:
    return ReadRequest(f"GS r {n}", bytes((0x1D, 0x72, n)), Reply.SENSOR, realtime=False)


def _gs_i(n: int, reply: Reply) -> ReadRequest:
    return ReadRequest(f"GS I {n}", bytes((0x1D, 0x49, n)), reply, realtime=False)


DLE_EOT: Final = {n: _dle_eot(n) for n in (1, 2, 3, 4)}
GS_R: Final = {n: _gs_r(n) for n in (1, 2)}
MODEL_ID, TYPE_ID, ROM_VERSION_ID = (_gs_i(n, Reply.ID) for n in (1, 2, 3))
FIRMWARE, MAKER, MODEL, SERIAL_NUMBER, LANGUAGE = (_gs_i(n, Reply.TEXT) for n in range(0x41, 0x46))

READ_REQUESTS: Final = frozenset(
    {*DLE_EOT.values(), *GS_R.values(), MODEL_ID, TYPE_ID, ROM_VERSION_ID}
    | {FIRMWARE, MAKER, MODEL, SERIAL_NUMBER, LANGUAGE}
)


def encode(*requests: ReadRequest) -> bytes:
    """Return the bytes of `requests`, in order.

    Raises:
        LocalProtocolError: a request is not one of `READ_REQUESTS`. `GS a` is none: it changes a setting of
            the printer, which the till software may have made for itself.
    """
    for request in requests:
        if request not in READ_REQUESTS:
            raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    return b"".join(request.data for request in requests)


class PrinterStatus(IntFlag):
    """DLE EOT 1."""

    DRAWER_KICK_OUT_CONNECTOR_PIN_3_HIGH = 0x04
    OFFLINE = 0x08
    WAITING_FOR_ONLINE_RECOVERY = 0x20
    PAPER_FEED_BUTTON_PRESSED = 0x40


class OfflineCause(IntFlag):
    """DLE EOT 2. Means something only while the printer is offline."""

    COVER_OPEN = 0x04
    PAPER_FED_BY_BUTTON = 0x08
    PRINTING_STOPPED_BY_PAPER_END = 0x20
    ERROR_OCCURRED = 0x40


class ErrorCause(IntFlag):
    """DLE EOT 3. Means something only while an error holds the printer offline."""

    RECOVERABLE_ERROR = 0x04
    AUTOCUTTER_ERROR = 0x08
    UNRECOVERABLE_ERROR = 0x20
    AUTO_RECOVERABLE_ERROR = 0x40


class RollPaperSensor(IntFlag):
    """DLE EOT 4. Each sensor has two bits, which change together; either one is believed."""

    NEAR_END = 0x0C
    PAPER_NOT_PRESENT = 0x60


FIXED_MASK, STATUS_FIXED, ASB_FIXED = 0x93, 0x12, 0x10
_PLAIN_MASK = 0x90  # bytes 2 to 4 of an ASB block and the answers to GS r have these bits clear
_ASB_SIZE = 4
_TEXT_HEADER, _TEXT_END, _TEXT_MAX = 0x5F, 0x00, 80
_FLOW_CONTROL = frozenset({0x11, 0x13})  # XON, XOFF: the wire's own, no part of any answer


class Byte(NamedTuple):
    """A one-byte answer of the form `reply`."""

    reply: Reply
    value: int


class Text(NamedTuple):
    """The text of an answer to GS I 65 to 69; it may be empty."""

    value: str


class Asb(NamedTuple):
    """A block of Automatic Status Back, pushed by the printer on its own."""

    first: int
    second: int
    third: int
    fourth: int


Event: TypeAlias = Byte | Text | Asb
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


class Reader:
    """Splits the stream of a printer into answers and ASB blocks.

    `expected` is the form of the answer that is being waited for: outside of it a text header or a byte
    without fixed bits is noise.
    """

    def __init__(self, expected: Reply = Reply.STATUS) -> None:
        self.expected = expected
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += bytes(byte for byte in data if byte not in _FLOW_CONTROL)

    def next_event(self) -> Event | NeedMore:
        """Return the next answer or block.

        Raises:
            RemoteProtocolError: bytes that are neither; the reader has dropped them, call it again.
        """
        if not self._pending:
            return NEED_MORE
        first = self._pending[0]
        if first & FIXED_MASK == ASB_FIXED:
            return self._asb()
        if self.expected is Reply.ID or (self.expected is Reply.SENSOR and not first & _PLAIN_MASK):
            return Byte(self.expected, self._take(1)[0])
        if first & FIXED_MASK == STATUS_FIXED:
            return Byte(Reply.STATUS, self._take(1)[0])
        if self.expected is Reply.TEXT and first == _TEXT_HEADER:
            return self._text()
        raise RemoteProtocolError(self._take(1))

    def _asb(self) -> Asb | NeedMore:
        for place in range(1, _ASB_SIZE):
            if place == len(self._pending):
                return NEED_MORE
            if self._pending[place] & _PLAIN_MASK:  # the block was cut off; what comes next may be an answer
                raise RemoteProtocolError(self._take(place))
        return Asb(*self._take(_ASB_SIZE))

    def _text(self) -> Text | NeedMore:
        for place in range(1, len(self._pending)):
            if self._pending[place] == _TEXT_END:
                return Text(self._take(place + 1)[1:-1].decode("latin-1"))
            if self._pending[place] < 0x20 or place > _TEXT_MAX:
                raise RemoteProtocolError(self._take(place))
        return NEED_MORE

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


class StatusReading(NamedTuple):
    """What a printer says about itself; None where it was not asked or did not answer."""

    printer: PrinterStatus | None = None
    offline_cause: OfflineCause | None = None
    error_cause: ErrorCause | None = None
    roll_paper: RollPaperSensor | None = None


def status_reading(answers: dict[int, int]) -> StatusReading:
    """Return the reading from the answer bytes to DLE EOT, by their n."""

    def bits(n: int) -> int | None:
        return answers[n] & ~FIXED_MASK if n in answers else None

    printer, cause, error, paper = bits(1), bits(2), bits(3), bits(4)
    near, absent = RollPaperSensor.NEAR_END, RollPaperSensor.PAPER_NOT_PRESENT
    roll = None if paper is None else roll_paper(paper, near, absent)
    return StatusReading(
        None if printer is None else PrinterStatus(printer),
        None if cause is None else OfflineCause(cause),
        None if error is None else ErrorCause(error),
        roll,
    )


def roll_paper(bits: int, near_end: int, absent: int) -> RollPaperSensor:
    """Return the paper sensors from the bits of any of the three answers that hold them."""
    found = RollPaperSensor(0)
    if bits & near_end:
        found |= RollPaperSensor.NEAR_END
    if bits & absent:
        found |= RollPaperSensor.PAPER_NOT_PRESENT
    return found
