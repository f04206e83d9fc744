r"""Massa-K protocol 100: the frame, the questions that only read, and what the answers hold.

Source: a header of the vendor (2016), a real capture of "get weight", and clients in the field, as
docs/devices.md says.

    F8 55 CE, length (2 bytes), command and data, CRC (2 bytes); numbers are little endian
    00 by UDP -> 01      who is there         20 -> 21   scale's number and name
    23 -> 24             weight, division, stable, net, zero, tare
    A0 -> 10, or 14      short weight: weight, division, stable; 14 if there is none
    anything -> 28 code  an error             F0         a command that the scale does not know

Sources conflict about two things. The vendor's header calls 23 "scale ids", while in the capture it is
answered with a weight: an answer is read as a weight by its size only. One client sends length and CRC big
endian: frames are read in either order, and the question can be encoded in both.

72 (zero), A3 (tare) and the settings (25, 26, 2C, 31, 32, 35) cannot be encoded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, NamedTuple, TypeAlias

from probes.protocols.scale_frames import (
    NEED_MORE,
    FrameReader,
    NeedMore,
    ReadRequest,
    RemoteProtocolError,
    checked,
)

HEADER: Final = b"\xf8\x55\xce"
_HEAD: Final = 5
_CRC: Final = 2

CMD_UDP_POLL: Final = ReadRequest("CMD_UDP_POLL", b"\x00")
CMD_GET_NAME: Final = ReadRequest("CMD_GET_NAME", b"\x20")
CMD_GET_MASSA: Final = ReadRequest("CMD_GET_MASSA", b"\x23")
CMD_TCP_GET_WEIGHT: Final = ReadRequest("CMD_TCP_GET_WEIGHT", b"\xa0")
READ_REQUESTS: Final = frozenset({CMD_UDP_POLL, CMD_GET_NAME, CMD_GET_MASSA, CMD_TCP_GET_WEIGHT})

CMD_UDP_RES, CMD_TCP_ACK_WEIGHT, CMD_TCP_NACK_WEIGHT = 0x01, 0x10, 0x14
CMD_ACK_NAME, CMD_ACK_MASSA, CMD_ERROR, CMD_NACK = 0x21, 0x24, 0x28, 0xF0

ByteOrder: TypeAlias = Literal["little", "big"]
# What one unit of a weight is, in grams, by the code in the answer.
DIVISIONS: Final = {0: Decimal("0.1"), 1: Decimal(1), 2: Decimal(10), 3: Decimal(100), 4: Decimal(1000)}
_LONG_SIZES: Final = frozenset({8, 12})  # without and with tare
_SHORT_SIZE: Final = 6


def crc16(data: bytes) -> int:
    """Return the CRC of command and data: polynomial 1021, each byte XORed into the low half."""
    crc = 0
    for byte in data:
        high, folded = crc & 0xFF00, 0
        for _bit in range(8):
            folded = ((folded << 1) ^ 0x1021 if (high ^ folded) & 0x8000 else folded << 1) & 0xFFFF
            high = high << 1 & 0xFFFF
        crc = folded ^ (crc << 8 & 0xFFFF) ^ byte
    return crc


def frame(body: bytes, order: ByteOrder = "little") -> bytes:
    """Return `body` with header, length and CRC; for the device's side: `encode` is the host's."""
    return HEADER + len(body).to_bytes(2, order) + body + crc16(body).to_bytes(2, order)


def encode(request: ReadRequest, order: ByteOrder = "little") -> bytes:
    """Return the frame of `request`.

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`.
    """
    return frame(checked(request, READ_REQUESTS), order)


class Frame(NamedTuple):
    """A sound frame: its command, what stands behind it, and all its bytes."""

    command: int
    data: bytes
    raw: bytes


class Reader(FrameReader[Frame]):
    """Finds frames in a stream, in either byte order: lengths are small, so that one of two bytes is zero."""

    def _next(self) -> Frame | NeedMore:
        pending = self._pending
        self._skip_to(HEADER[:1])
        for place in range(1, min(len(HEADER), len(pending))):
            if pending[place] != HEADER[place]:
                raise RemoteProtocolError(self._take(1))
        if len(pending) < _HEAD:
            return NEED_MORE
        low, high = pending[3:_HEAD]
        order: ByteOrder = "big" if high else "little"
        length = low or high
        if not length or (low and high):
            raise RemoteProtocolError(self._take(_HEAD), "length")
        size = _HEAD + length + _CRC
        if len(pending) < size:
            return NEED_MORE
        body = bytes(pending[_HEAD : size - _CRC])
        if crc16(body) != int.from_bytes(pending[size - _CRC : size], order):
            inner = pending.find(HEADER, 1, size)  # a byte was lost, and the next frame is taken for our end
            raise RemoteProtocolError(self._take(inner if inner > 0 else size), "checksum")
        return Frame(body[0], body[1:], self._take(size))


class Weight(NamedTuple):
    """A weight in grams. `net` and `zero` are None in the short form; `division` is the raw code.

    `grams` is None for a division that has no meaning here.
    """

    grams: Decimal | None
    division: int
    stable: bool
    net: bool | None
    zero: bool | None


def parse_weight(answer: Frame) -> Weight | None:
    """Return the weight in an answer, None if it holds none (then it is something else on this model)."""
    data = answer.data
    if answer.command == CMD_ACK_MASSA and len(data) in _LONG_SIZES:
        return Weight(_grams(data), data[4], bool(data[5]), bool(data[6]), bool(data[7]))
    if answer.command == CMD_TCP_ACK_WEIGHT and len(data) == _SHORT_SIZE:
        return Weight(_grams(data), data[4], bool(data[5]), None, None)
    return None


def _grams(data: bytes) -> Decimal | None:
    division = DIVISIONS.get(data[4])
    return None if division is None else int.from_bytes(data[:4], "little", signed=True) * division


class Name(NamedTuple):
    """Who the scale says it is. The layout has one source: a client in the field (UNVERIFIED)."""

    number: int
    name: str


def parse_name(answer: Frame) -> Name | None:
    """Return number and name of a scale, None if the answer holds none."""
    if answer.command != CMD_ACK_NAME or len(answer.data) < 4:
        return None
    name = answer.data[4:].decode("cp1251", "replace").strip(" \r\n\0")
    return Name(int.from_bytes(answer.data[:4], "little"), name)
