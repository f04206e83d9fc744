"""Shtrih-M registers, protocol 2: numbered frames with a CRC, fit for PPP and slow networks.

    8F stuffed( LEN16LE NUM16LE DATA CRC16LE )      LEN counts NUM and DATA
    CRC-16/CCITT (initial FFFF, polynomial 1021) over LEN, NUM and DATA as they are before stuffing
    stuffing: 8F -> 9F 81, 9F -> 9F 83
    synchronisation: host 8F 00 00 0F 1D (LEN 0, no NUM) -> device: LEN 0 and its NUM
    the next command has NUM + 1; one with the NUM of the last makes the register repeat its last answer

Source: devices.md section 3, from the vendor's JavaPOS driver and "Протокол ККТ 2.0" (one maker, two texts).
DATA is what the standard protocol carries, so its commands and answers live in `shtrih`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from probes.protocols.shtrih import (
    DEFAULT_PASSWORD,
    NEED_MORE,
    ChecksumError,
    Command,
    NeedMore,
    RemoteProtocolError,
    payload,
)

STX: Final = 0x8F
ESC: Final = 0x9F
_STUFFED: Final = {STX: b"\x9f\x81", ESC: b"\x9f\x83"}
_UNSTUFFED: Final = {0x81: STX, 0x83: ESC}
NUM_MAX: Final = 0xFFFF
_NUM_SIZE, _CRC_SIZE, _LEN_SIZE = 2, 2, 2
_LEN_MAX = 0x1000  # no answer of a register is longer; noise that looks like a length is told at once
_CRC_START, _CRC_POLYNOMIAL = 0xFFFF, 0x1021


class Frame2(NamedTuple):
    """A sound frame. `body` is empty in a synchronisation; in the host's one `num` is None, too."""

    num: int | None
    body: bytes
    raw: bytes


def crc16(data: bytes) -> int:
    """Return the CRC-16/CCITT-FALSE: 29B1 for the digits 1 to 9."""
    crc = _CRC_START
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ _CRC_POLYNOMIAL if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def stuff(data: bytes) -> bytes:
    """Return `data` without any byte that could be taken for the beginning of a frame."""
    return b"".join(_STUFFED.get(byte, bytes((byte,))) for byte in data)


def _framed(counted: bytes) -> bytes:
    return bytes((STX,)) + stuff(counted + crc16(counted).to_bytes(2, "little"))


def frame(num: int, body: bytes = b"") -> bytes:
    """Return the frame of `body`; with an empty one, the device's answer to the synchronisation."""
    length = len(body) + _NUM_SIZE if body else 0
    return _framed(length.to_bytes(2, "little") + num.to_bytes(2, "little") + body)


SYNC: Final = _framed(b"\0\0")


def encode(num: int, command: Command, password: int = DEFAULT_PASSWORD) -> bytes:
    """Return the frame of `command`.

    Raises:
        LocalProtocolError: the command is not one that only reads.
    """
    return frame(num, payload(command, password))


def step(num: int) -> int:
    """Return the number behind `num`."""
    return 0 if num >= NUM_MAX else num + 1


class Reader:
    """Splits a stream into frames. `from_host`: an empty frame has no number then."""

    def __init__(self, *, from_host: bool = False) -> None:
        self._pending = bytearray()
        self._from_host = from_host

    @property
    def pending(self) -> bytes:
        """The beginning of a frame whose end has not come."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Frame2 | NeedMore:
        """Return the next frame.

        Raises:
            ChecksumError: a frame with a wrong CRC.
            RemoteProtocolError: bytes that are no frame; the reader has dropped them, call it again.
        """
        pending = self._pending
        if not pending:
            return NEED_MORE
        if pending[0] != STX:
            start = pending.find(STX)
            raise RemoteProtocolError(self._take(start if start > 0 else len(pending)))
        plain, used = bytearray(), 1
        wanted = _LEN_SIZE
        while len(plain) < wanted:
            if used == len(pending):
                return NEED_MORE
            byte = pending[used]
            if byte == STX:  # a frame never holds one: the old one was cut off, a new one begins
                raise RemoteProtocolError(self._take(used), "a frame that was cut off")
            if byte == ESC:
                if used + 1 == len(pending):
                    return NEED_MORE
                if pending[used + 1] not in _UNSTUFFED:
                    raise RemoteProtocolError(self._take(used + 1), "wrong stuffing")
                used += 1
                byte = _UNSTUFFED[pending[used]]
            plain.append(byte)
            used += 1
            if len(plain) == _LEN_SIZE:
                wanted = self._size(plain, used)
        return self._frame(bytes(plain), self._take(used))

    def drop(self) -> bytes:
        """Forget what is pending, and return it: its end will not come any more."""
        return self._take(len(self._pending))

    def _size(self, plain: bytearray, used: int) -> int:
        """Return how many unstuffed bytes the whole frame has."""
        length = int.from_bytes(plain, "little")
        if length > _LEN_MAX or length in {1, _NUM_SIZE}:
            raise RemoteProtocolError(self._take(used), "a length that cannot be")
        number = 0 if self._from_host else _NUM_SIZE
        return _LEN_SIZE + (length or number) + _CRC_SIZE

    def _frame(self, plain: bytes, raw: bytes) -> Frame2:
        counted, crc = plain[:-_CRC_SIZE], plain[-_CRC_SIZE:]
        if crc16(counted) != int.from_bytes(crc, "little"):
            raise ChecksumError(raw)
        numbered = counted[_LEN_SIZE:]
        num = int.from_bytes(numbered[:_NUM_SIZE], "little") if numbered else None
        return Frame2(num, numbered[_NUM_SIZE:], raw)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
