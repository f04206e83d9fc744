"""Tremol registers (ZFP): frames, single bytes, and what only reads.

Source: vendor "Communication protocol" 1910211454, as devices.md section 9 has it.

    host and message   02 LEN NBL CMD data CS2 0A     LEN = 20h + bytes from LEN to data
    acknowledgement    06 NBL ST1 ST2 CS2 0A          ST1: error of the device, ST2: of the command
    04 -> 04           it is there           09 -> 40...: ready, busy, no paper, or why it does not serve us
    15                 our frame was damaged          0E  busy with the command before: send this one again

CS is the XOR of LEN...data (NBL...ST2) as two nibbles, 30h added to each. NBL is 20h to 9Fh and differs from
that of the message before. On TCP the password, if one is set, is sent as text and 0A right after connecting.
`encode` makes frames of `READ_REQUESTS` and of nothing else: 22h prints.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

STX, ACK, ETX = 0x02, 0x06, 0x0A
NAK, RETRY = 0x15, 0x0E
OFFSET: Final = 0x20
NBL_MIN, NBL_MAX = 0x20, 0x9F
_ACK_SIZE = 7


class TremolError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(TremolError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(TremolError):
    """Bytes that are no frame; they are dropped, the reader goes on behind them."""

    def __init__(self, data: bytes, what: str = "no frame of a Tremol register") -> None:
        super().__init__(f"{what}: {data.hex()}")
        self.data = data


class DamagedFrameError(RemoteProtocolError):
    """A frame whose checksum or form is wrong; its first byte is dropped: a sound one may begin inside."""


class ReadRequest(NamedTuple):
    """One question; `name` is the command as the manual writes it."""

    name: str
    command: int
    data: bytes = b""


STATUS: Final = ReadRequest("20h", 0x20)
VERSION: Final = ReadRequest("21h", 0x21)
NUMBERS: Final = ReadRequest("60h", 0x60)
REGISTRATION: Final = ReadRequest("61h", 0x61)
PRINTER: Final = ReadRequest("66h", 0x66)
CLOCK: Final = ReadRequest("68h", 0x68)
RECEIPTS: Final = ReadRequest("71h", 0x71)
UNSENT: Final = ReadRequest("4Eh R", 0x4E, b"R;R;R")
READ_REQUESTS: Final = frozenset(
    {STATUS, VERSION, NUMBERS, REGISTRATION, PRINTER, CLOCK, RECEIPTS, UNSENT}
)  # fmt: skip
PING: Final = b"\x09"
_PASSWORD_MAX = 32


def encode(request: ReadRequest, nbl: int) -> bytes:
    """Return the frame of `request` with the message number `nbl` (20h to 9Fh).

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`, or the number does not exist.
    """
    if request not in READ_REQUESTS:
        raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    if not NBL_MIN <= nbl <= NBL_MAX:
        raise LocalProtocolError(f"no message number: {nbl:02x}")
    body = bytes((OFFSET + 3 + len(request.data), nbl, request.command)) + request.data
    return bytes((STX,)) + body + checksum(body) + bytes((ETX,))


def encode_password(password: str) -> bytes:
    """Return what is sent right after connecting over TCP.

    Raises:
        LocalProtocolError: no register can have this password: it would be read as commands.
    """
    fits = password.isascii() and password.isalnum() and len(password) <= _PASSWORD_MAX
    if not fits:
        raise LocalProtocolError("not a password: letters and digits only")
    return password.encode("ascii") + b"\n"


def next_nbl(nbl: int) -> int:
    """Return the message number behind `nbl`."""
    return nbl + 1 if nbl < NBL_MAX else NBL_MIN


def checksum(body: bytes) -> bytes:
    """Return the two bytes of the checksum."""
    value = 0
    for byte in body:
        value ^= byte
    return bytes((0x30 + (value >> 4), 0x30 + (value & 0x0F)))


class DeviceError(IntEnum):
    """ST1 of an acknowledgement."""

    OK = 0x30
    OUT_OF_PAPER = 0x31
    REGISTERS_OVERFLOW = 0x32
    CLOCK_FAILURE = 0x33
    FISCAL_RECEIPT_OPEN = 0x34
    PAYMENT_RESIDUE = 0x35
    NON_FISCAL_RECEIPT_OPEN = 0x36
    PAID_BUT_NOT_CLOSED = 0x37
    FM_FAILURE = 0x38
    INCORRECT_PASSWORD = 0x39
    NO_EXTERNAL_DISPLAY = 0x3A
    BLOCKED_24_HOURS = 0x3B
    OVERHEATED = 0x3C
    POWER_INTERRUPTED = 0x3D
    EJ_OVERFLOW = 0x3E
    INSUFFICIENT_CONDITIONS = 0x3F


class Message(NamedTuple):
    """An answer with data; `raw` is the whole frame."""

    nbl: int
    command: int
    data: bytes
    raw: bytes


class Acknowledgement(NamedTuple):
    """An answer without: to a question it says why there is none."""

    nbl: int
    device: int
    command: int
    raw: bytes


class Single(NamedTuple):
    """A byte of its own: NAK or RETRY."""

    value: int


Event: TypeAlias = Message | Acknowledgement | Single
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"
_BUSY_TO_DISPLAY = range(0x40, 0x50)  # four bits: busy, no paper, overheated, no display


class Ping(IntEnum):
    """Answers to 09 that are no state but a refusal; TCP only."""

    WAITING_FOR_PASSWORD = 0x50
    ANOTHER_CONNECTION = 0x60
    WRONG_PASSWORD = 0x70


PING_ANSWERS: Final = frozenset({*_BUSY_TO_DISPLAY, *(ping.value for ping in Ping)})
BUSY = 0x01  # of the answers 40h to 4Fh
_SINGLES: Final = frozenset({NAK, RETRY})


class Reader:
    """Splits the stream of a register. The answers to 09 are not for it: any letter looks like one."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Event | NeedMore:
        """Return the next frame or single byte.

        Raises:
            RemoteProtocolError: bytes that are neither (`DamagedFrameError`: that were a frame once); the
                reader has dropped them, call it again.
        """
        if not self._pending:
            return NEED_MORE
        first = self._pending[0]
        if first in _SINGLES:
            return Single(self._take(1)[0])
        if first == STX:
            return self._message()
        if first == ACK:
            return self._acknowledgement()
        raise RemoteProtocolError(self._take(self._noise()))

    def _noise(self) -> int:
        ends = {STX, ACK} | _SINGLES
        return next((i for i, byte in enumerate(self._pending) if byte in ends), len(self._pending))

    def _message(self) -> Message | NeedMore:
        if len(self._pending) < 2:
            return NEED_MORE
        size = self._pending[1] - OFFSET  # LEN, NBL, CMD and data
        if size < 3:
            raise DamagedFrameError(self._take(1), "impossible length")
        whole = 1 + size + 3
        if len(self._pending) < whole:
            return NEED_MORE
        raw = self._sound(whole)
        return Message(raw[2], raw[3], raw[4:-3], raw)

    def _acknowledgement(self) -> Acknowledgement | NeedMore:
        if len(self._pending) < _ACK_SIZE:
            return NEED_MORE
        raw = self._sound(_ACK_SIZE)
        return Acknowledgement(raw[1], raw[2], raw[3], raw)

    def _sound(self, whole: int) -> bytes:
        raw = bytes(self._pending[:whole])
        if raw[-1] != ETX or raw[-3:-1] != checksum(raw[1:-3]):
            raise DamagedFrameError(self._take(1), "damaged frame")
        del self._pending[:whole]
        return raw

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
