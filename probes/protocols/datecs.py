"""Datecs registers (and makers that share their protocol), P and X framing: frames, and what only reads.

Sources: vendor "FP-800/FP-2000/FP-650 programming interface v1.00BG" (P) and "FMP-350X/FP-700X programmer's
manual v2.02" (X), as devices.md section 9 has them.

    P host    01 LEN SEQ CMD data 05 BCC4 03                LEN = 20h + bytes from LEN to 05
    X host    01 LEN4 SEQ CMD4 data 05 BCC4 03              LEN4, CMD4, BCC4: four nibbles, 30h added to each
    device    the same, with 04 and its status (P 6 bytes, X 8) before 05
    16 SYN    every 60 ms while the device works on the command
    15 NAK    the frame was damaged: send it again with the same SEQ

A device that hears the SEQ of its last command again repeats its last answer, whatever is asked. `encode`
makes frames of `READ_REQUESTS` and of nothing else: 47h prints in P, and
most of its options print or dial in X.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

PREAMBLE, SEPARATOR, POSTAMBLE, TERMINATOR = 0x01, 0x04, 0x05, 0x03
LEN_OFFSET: Final = 0x20
SEQ_MIN, SEQ_MAX = 0x20, 0x7F
_BCC_SIZE = 4
_X_MAX = 512  # bytes from LEN to 05; the manual knows no answer with more than 218 bytes of data


class DatecsError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(DatecsError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(DatecsError):
    """Bytes that are no frame; they are dropped, the reader goes on behind them."""

    def __init__(self, data: bytes, what: str = "no frame of a Datecs register") -> None:
        super().__init__(f"{what}: {data.hex()}")
        self.data = data


class DamagedFrameError(RemoteProtocolError):
    """A frame whose checksum or form is wrong; its first byte is dropped: a sound one may begin inside."""


class Framing(Enum):
    """The two ways to frame a message; which one a device speaks depends on its model."""

    P = "p"
    X = "x"


class ReadRequest(NamedTuple):
    """One question. `name` is the command as the manual writes it, with its option."""

    name: str
    framing: Framing
    command: int
    data: bytes = b""


DIAGNOSTICS: Final = {
    Framing.P: ReadRequest("5Ah", Framing.P, 0x5A),
    Framing.X: ReadRequest("5Ah", Framing.X, 0x5A, b"\t"),  # with the TAB the answer has fields, not commas
}
STATUS: Final = {framing: ReadRequest("4Ah", framing, 0x4A) for framing in Framing}
CLOCK: Final = {framing: ReadRequest("3Eh", framing, 0x3E) for framing in Framing}
RECEIPT: Final = {framing: ReadRequest("4Ch", framing, 0x4C) for framing in Framing}
FREE_RECORDS: Final = {framing: ReadRequest("44h", framing, 0x44) for framing in Framing}
TAX_ID: Final = {framing: ReadRequest("63h", framing, 0x63) for framing in Framing}
UNSENT: Final = ReadRequest("4Ah R", Framing.P, 0x4A, b"R")
SERVER: Final = ReadRequest("47h 2", Framing.X, 0x47, b"2\t")
POWER: Final = ReadRequest("7Bh 2", Framing.X, 0x7B, b"2\t")

READ_REQUESTS: Final = frozenset(
    request
    for group in (DIAGNOSTICS, STATUS, CLOCK, RECEIPT, FREE_RECORDS, TAX_ID)
    for request in group.values()
) | {UNSENT, SERVER, POWER}


def encode(request: ReadRequest, seq: int) -> bytes:
    """Return the frame of `request` with the sequence number `seq` (20h to 7Fh).

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`, or the number does not exist.
    """
    if request not in READ_REQUESTS:
        raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    if not SEQ_MIN <= seq <= SEQ_MAX:
        raise LocalProtocolError(f"no sequence number: {seq:02x}")
    if request.framing is Framing.P:
        size = 4 + len(request.data)
        body = bytes((LEN_OFFSET + size, seq, request.command)) + request.data
    else:
        size = 10 + len(request.data)
        body = nibbles(LEN_OFFSET + size) + bytes((seq,)) + nibbles(request.command) + request.data
    body += bytes((POSTAMBLE,))
    return bytes((PREAMBLE,)) + body + nibbles(sum(body)) + bytes((TERMINATOR,))


def next_seq(seq: int) -> int:
    """Return the sequence number behind `seq`."""
    return seq + 1 if seq < SEQ_MAX else SEQ_MIN


def nibbles(value: int) -> bytes:
    """Return the low 16 bits as four bytes, 30h added to each nibble."""
    return bytes(0x30 + (value >> shift & 0x0F) for shift in (12, 8, 4, 0))


def from_nibbles(data: bytes) -> int | None:
    """Return the number in four such bytes, None if one of them is none."""
    if len(data) != _BCC_SIZE or any(byte >> 4 != 3 for byte in data):
        return None
    return int("".join(f"{byte & 0x0F:x}" for byte in data), 16)


class Reply(NamedTuple):
    """A sound answer. `status` came with it; `raw` is the whole frame."""

    seq: int
    command: int
    data: bytes
    status: bytes
    raw: bytes


class Control(Enum):
    """A byte of its own."""

    SYN = 0x16
    NAK = 0x15


Event: TypeAlias = Reply | Control
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"
_CONTROLS = {control.value: control for control in Control}


class Reader:
    """Splits the stream of a device that speaks `framing`. No byte of a sound frame looks like SYN or NAK."""

    def __init__(self, framing: Framing) -> None:
        self._head = 4 if framing is Framing.P else 10  # 01, LEN, SEQ, CMD
        self._status = 6 if framing is Framing.P else 8
        self._p = framing is Framing.P
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Event | NeedMore:
        """Return the next frame or control byte.

        Raises:
            RemoteProtocolError: bytes that are neither (`DamagedFrameError`: that were a frame once); the
                reader has dropped them, call it again.
        """
        if not self._pending:
            return NEED_MORE
        first = self._pending[0]
        if first in _CONTROLS:
            return _CONTROLS[self._take(1)[0]]
        if first != PREAMBLE:
            raise RemoteProtocolError(self._take(self._noise()))
        size = self._size()
        if size is None:
            return NEED_MORE
        whole = 1 + size + _BCC_SIZE + 1
        if len(self._pending) < whole:
            return NEED_MORE
        reply = self._reply(bytes(self._pending[:whole]))
        if reply is None:
            raise DamagedFrameError(self._take(1), "damaged frame")
        del self._pending[:whole]
        return reply

    def _noise(self) -> int:
        ends = {PREAMBLE, *_CONTROLS}
        return next((i for i, byte in enumerate(self._pending) if byte in ends), len(self._pending))

    def _size(self) -> int | None:
        """Return the count in LEN, None while it is not there; a count that cannot be is damage."""
        if len(self._pending) < (2 if self._p else 5):
            return None
        told = self._pending[1] if self._p else from_nibbles(bytes(self._pending[1:5]))
        size = -1 if told is None else told - LEN_OFFSET
        if not self._head + self._status + 1 <= size <= _X_MAX:  # head without 01, 04, status, 05
            raise DamagedFrameError(self._take(1), "impossible length")
        return size

    def _reply(self, raw: bytes) -> Reply | None:
        body, end = raw[1 : -_BCC_SIZE - 1], len(raw) - _BCC_SIZE - 1
        separator = end - 1 - self._status - 1
        command = raw[3] if self._p else from_nibbles(raw[6:10])
        sound = (
            raw[-1] == TERMINATOR
            and raw[end - 1] == POSTAMBLE
            and raw[separator] == SEPARATOR
            and from_nibbles(raw[end:-1]) == sum(body) & 0xFFFF
        )
        if not sound or command is None:
            return None
        seq, data, status = (
            raw[2 if self._p else 5],
            raw[self._head : separator],
            raw[separator + 1 : end - 1],
        )
        return Reply(seq, command, data, status, raw)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
