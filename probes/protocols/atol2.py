"""ATOL protocol 2: control bytes and masked frames.

Source: devices.md section 4b.

    host 05 (ENQ) -> 06: ready    15: not now    05: it wants to speak itself (collision: back off)
    host frame -> 06, host 04 (EOT); then device 05, host 06, device frame, host 06, device 04
    frame: 02 data 03 XOR; 03 and 10 inside the data are preceded by 10; the XOR runs over everything behind
           the 02, the masking 10 and the 03 included
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

from probes.protocols.atol_answers import (
    DEFAULT_PASSWORD,
    ChecksumError,
    ReadRequest,
    RemoteProtocolError,
    command_bytes,
)

STX, ETX, DLE = 0x02, 0x03, 0x10
DATA_MAX: Final = 1024

# Timers of the protocol, in seconds, and how often a step is tried.
T1_READY, T2_FRAME, T3_ACCEPTED, T4_END = 0.5, 2.0, 0.5, 0.5
T5_ANSWER: Final = 10.0  # some commands may take up to 120 s, none that reads
T7_BACK_OFF: Final = 0.5
ENQ_TRIES, FRAME_TRIES = 5, 10


class Control(IntEnum):
    """The bytes outside of frames."""

    EOT = 0x04
    ENQ = 0x05
    ACK = 0x06
    NAK = 0x15


ENQ, ACK, NAK, EOT = (bytes((byte,)) for byte in (Control.ENQ, Control.ACK, Control.NAK, Control.EOT))
_CONTROLS = frozenset(Control)


class Frame(NamedTuple):
    """A sound frame: its data without masks, and all its bytes."""

    data: bytes
    raw: bytes


Event: TypeAlias = Control | Frame
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


def encode(request: ReadRequest, password: str = DEFAULT_PASSWORD) -> bytes:
    """Return the frame of `request`.

    Raises:
        LocalProtocolError: it is no read request, or the password cannot be one.
    """
    return frame(command_bytes(request, password))


def frame(data: bytes) -> bytes:
    """Return the frame around `data`; for the device's side: `encode` is the host's."""
    masked = b"".join(bytes((DLE, byte)) if byte in {DLE, ETX} else bytes((byte,)) for byte in data)
    counted = masked + bytes((ETX,))
    return bytes((STX, *counted, _xor(counted)))


def _xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


class Reader:
    """Splits a stream of protocol 2 into control bytes and frames; for either side."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def in_frame(self) -> bool:
        """Whether the beginning of a frame waits for its end."""
        return bool(self._pending) and self._pending[0] == STX

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def forget(self) -> None:
        """Drop the beginning of a frame that will not end."""
        self._pending.clear()

    def next_event(self) -> Event | NeedMore:
        """Return the next control byte or frame.

        Raises:
            ChecksumError: a frame with a wrong checksum, which was dropped.
            RemoteProtocolError: bytes that are neither, which were dropped; call it again.
        """
        if not self._pending:
            return NEED_MORE
        first = self._pending[0]
        if first in _CONTROLS:
            return Control(self._take(1)[0])
        if first != STX:
            raise RemoteProtocolError(self._take(self._noise()))
        end = self._end_of_frame()
        if end is None:
            return NEED_MORE
        raw = self._take(end)
        if _xor(raw[1:-1]) != raw[-1]:
            raise ChecksumError(raw)
        return Frame(_unmasked(raw[1:-2]), raw)

    def _noise(self) -> int:
        for place, byte in enumerate(self._pending):
            if byte == STX or byte in _CONTROLS:
                return place
        return len(self._pending)

    def _end_of_frame(self) -> int | None:
        place = 1
        while place < len(self._pending):
            if self._pending[place] == ETX:
                return place + 2 if place + 1 < len(self._pending) else None
            place += 2 if self._pending[place] == DLE else 1
            if place > 2 * DATA_MAX:
                raise RemoteProtocolError(self._take(1), "a frame without an end")
        return None

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


def _unmasked(data: bytes) -> bytes:
    result, bytes_left = bytearray(), iter(data)
    for byte in bytes_left:
        result.append(next(bytes_left, DLE) if byte == DLE else byte)
    return bytes(result)
