"""ZVT: asking a payment terminal for its status, over TCP and over a serial line, and nothing else.

Source: devices.md section 6 (the ZVT specification as open clients have it). A message
is an APDU: class, instruction, length (FF and two bytes, low first, from 255 on), data. TCP carries it as it
is; a serial line as `10 02`, the APDU with every 10 doubled, `10 03` and a CRC-16 over the APDU and 03.

Only the status enquiry (05 01) and the acknowledgement (80 00 00) can be encoded. Everything else that a till
may send changes something or moves money: registration, payment, reversal, end of day, diagnosis (it dials
the host), self-test, printing.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

DLE, STX, ETX, ACK, NAK = 0x10, 0x02, 0x03, 0x06, 0x15
_LONG_LENGTH = 0xFF
_APDU_MAX = 4096  # far above any answer to a status enquiry; a longer one is noise that looks like a length
_CRC_SIZE = 2
_PASSWORD_DIGITS = 6
DEFAULT_PASSWORD = "000000"  # noqa: S105  the documented one


class ZvtError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(ZvtError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(ZvtError):
    """The terminal sent bytes that are no message; they are dropped, the reader goes on behind them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"no message of a ZVT terminal: {data.hex()}")
        self.data = data


class BadFrame(RemoteProtocolError):  # noqa: N818  its base says Error
    """A serial frame whose checksum or length is wrong: it is answered with NAK, and comes again."""


class Framing(Enum):
    """How an APDU travels."""

    TCP = "as it is"
    SERIAL = "10 02 ... 10 03 CRC"


class Control(Enum):
    """What a serial line answers to a frame."""

    ACK = ACK
    NAK = NAK


class Apdu(NamedTuple):
    """One message. `command` is class and instruction, 0x0501 for 05 01."""

    command: int
    data: bytes = b""

    @property
    def raw(self) -> bytes:
        """The message as TCP carries it."""
        size = len(self.data)
        length = bytes((size,)) if size < _LONG_LENGTH else bytes((_LONG_LENGTH, *size.to_bytes(2, "little")))
        return self.command.to_bytes(2, "big") + length + self.data


STATUS_ENQUIRY: Final = 0x0501
ACKNOWLEDGE: Final = Apdu(0x8000)
NEGATIVE_CLASS: Final = 0x84
STATUS_INFORMATION, INTERMEDIATE_STATUS = 0x040F, 0x04FF
COMPLETION, ABORT = 0x060F, 0x061E
# Whatever else a terminal may say to a till by itself: parts of a payment that somebody else has begun.
SET_DATE_AND_TIME, INPUT_REQUEST, MENU_REQUEST, PRINT_LINE, PRINT_TEXT_BLOCK = (
    0x0401,
    0x040D,
    0x040E,
    0x06D1,
    0x06D3,
)
OF_A_TRANSACTION: Final = frozenset(
    {STATUS_INFORMATION, SET_DATE_AND_TIME, INPUT_REQUEST, MENU_REQUEST, PRINT_LINE, PRINT_TEXT_BLOCK}
)
_FROM_TERMINAL = OF_A_TRANSACTION | {ACKNOWLEDGE.command, INTERMEDIATE_STATUS, COMPLETION, ABORT}


def status_enquiry(password: str = DEFAULT_PASSWORD) -> Apdu:
    """Return the question for the terminal's status.

    Raises:
        LocalProtocolError: the password is not six digits.
    """
    if len(password) != _PASSWORD_DIGITS or not (password.isascii() and password.isdigit()):
        raise LocalProtocolError("a ZVT password has six digits")
    return Apdu(STATUS_ENQUIRY, bytes.fromhex(password))


def encode(apdu: Apdu, framing: Framing) -> bytes:
    """Return the bytes of a status enquiry or of an acknowledgement.

    Raises:
        LocalProtocolError: it is anything else.
    """
    enquiry = apdu.command == STATUS_ENQUIRY and len(apdu.data) == _PASSWORD_DIGITS // 2
    if not enquiry and apdu != ACKNOWLEDGE:
        raise LocalProtocolError(f"not a read request: {apdu.raw.hex()}")
    if framing is Framing.TCP:
        return apdu.raw
    body = apdu.raw.replace(bytes((DLE,)), bytes((DLE, DLE)))
    return (
        bytes((DLE, STX)) + body + bytes((DLE, ETX)) + crc16(apdu.raw + bytes((ETX,))).to_bytes(2, "little")
    )


def crc16(data: bytes) -> int:
    """Return the CRC-16 with the polynomial 1021 reflected (8408), starting at 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc


Event: TypeAlias = Apdu | Control
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


class Reader:
    """Splits what a terminal sends into messages and, on a serial line, ACK and NAK."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Event | NeedMore:
        """Return the next message.

        Raises:
            BadFrame: a serial frame that came damaged.
            RemoteProtocolError: bytes that are no message. Both are dropped; call it again.
        """
        if not self._pending:
            return NEED_MORE
        return self._plain() if self._framing is Framing.TCP else self._line()

    def _plain(self) -> Apdu | NeedMore:
        if not _may_begin(self._pending):
            raise RemoteProtocolError(self._take(1))
        size = _size(self._pending)
        if size is None:
            return NEED_MORE
        if size > _APDU_MAX:
            raise RemoteProtocolError(self._take(1))
        return _apdu(self._take(size)) if size <= len(self._pending) else NEED_MORE

    def _line(self) -> Event | NeedMore:
        first = self._pending[0]
        if first in {ACK, NAK}:
            return Control(self._take(1)[0])
        if first != DLE:
            raise RemoteProtocolError(self._take(1))
        if len(self._pending) == 1:
            return NEED_MORE
        if self._pending[1] != STX:
            raise RemoteProtocolError(self._take(1))
        return self._frame()

    def _frame(self) -> Apdu | NeedMore:
        body, place = bytearray(), 2
        while place + 1 < len(self._pending):
            byte, after = self._pending[place], self._pending[place + 1]
            if byte != DLE:
                body.append(byte)
                place += 1
            elif after == DLE:
                body.append(DLE)
                place += 2
            elif after == ETX:
                return self._checked(bytes(body), place + 2)
            else:  # the frame was cut off: another one begins here, or noise
                raise BadFrame(self._take(place if after == STX else place + 1))
            if len(body) > _APDU_MAX:
                raise BadFrame(self._take(place))
        return NEED_MORE

    def _checked(self, body: bytes, end: int) -> Apdu | NeedMore:
        if len(self._pending) < end + _CRC_SIZE:
            return NEED_MORE
        frame = self._take(end + _CRC_SIZE)
        if crc16(body + bytes((ETX,))) != int.from_bytes(frame[end:], "little") or _size(body) != len(body):
            raise BadFrame(frame)
        return _apdu(body)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


def _may_begin(data: bytes | bytearray) -> bool:
    """Return whether a terminal's message may begin so. TCP has no checksum, so only known ones do."""
    if data[0] == NEGATIVE_CLASS:
        return len(data) < 3 or data[2] == 0
    return any(
        command.to_bytes(2, "big")[: len(data)] == data[:2]
        and (command != ACKNOWLEDGE.command or len(data) < 3 or data[2] == 0)
        for command in _FROM_TERMINAL
    )


def _size(data: bytes | bytearray) -> int | None:
    """Return the size of the APDU that begins here, None while its length has not come."""
    if len(data) < 3 or (data[2] == _LONG_LENGTH and len(data) < 5):
        return None
    return 5 + int.from_bytes(data[3:5], "little") if data[2] == _LONG_LENGTH else 3 + data[2]


def _apdu(raw: bytes) -> Apdu:
    return Apdu(int.from_bytes(raw[:2], "big"), raw[5:] if raw[2] == _LONG_LENGTH else raw[3:])
