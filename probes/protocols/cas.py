r"""CAS scales with the ENQ/ACK/DC1 dialogue, and the lines that the indicators of CAS send by themselves.

Source: manuals of CAS AP-1 and SW-II, Ohaus Aviator 7000, r_keeper's page on scale drivers (dialogue); CAS
NT-200 and CI-600D (stream).

    05 (ENQ) -> 06 (ACK): ready, 15 (NAK): not now, ask again
    11 (DC1) -> 01 02 STA SIGN weight unit BCC 03 04

STA is S (stable) or U (unstable); SIGN a space, - or F (overload); the weight has 6 characters, 7 on some
scales (UNVERIFIED: one source); the unit 2; BCC is the XOR from STA to the unit. The first byte may be 81.
A stream is made of lines of 22 characters: `ST,GS,` id lamp `,  1.250 kg` CR LF.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import IntFlag
from typing import Final, NamedTuple, TypeAlias

from probes.protocols.scale_frames import (
    NEED_MORE,
    FrameReader,
    NeedMore,
    ReadRequest,
    RemoteProtocolError,
    checked,
    xor,
)

ACK, NAK = 0x06, 0x15
SOH, STX = 0x01, 0x02
_SOH_TOO: Final = 0x81
_END: Final = b"\x03\x04"
_SIZES: Final = (15, 16)
_LINE_SIZE: Final = 22
_NUMBER = re.compile(r" *[0-9]*\.?[0-9]+ *")

ENQ: Final = ReadRequest("ENQ", b"\x05")
DC1: Final = ReadRequest("DC1", b"\x11")
READ_REQUESTS: Final = frozenset({ENQ, DC1})


def encode(request: ReadRequest) -> bytes:
    """Return the bytes of `request`.

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`.
    """
    return checked(request, READ_REQUESTS)


class Control(NamedTuple):
    """ACK or NAK."""

    byte: int
    raw: bytes


class WeightFrame(NamedTuple):
    """`weight` is None where the field is blank; it is negative for SIGN -."""

    stable: bool
    overload: bool
    weight: Decimal | None
    unit: str
    raw: bytes


Event: TypeAlias = Control | WeightFrame


class Reader(FrameReader[Event]):
    """Finds the answers of a scale in a stream."""

    def _next(self) -> Event | NeedMore:
        self._skip_to(bytes((ACK, NAK, SOH, _SOH_TOO)))
        if self._pending[0] in {ACK, NAK}:
            raw = self._take(1)
            return Control(raw[0], raw)
        if len(self._pending) < 2:
            return NEED_MORE
        if self._pending[1] != STX:
            raise RemoteProtocolError(self._take(1))
        for size in _SIZES:
            if len(self._pending) < size:
                return NEED_MORE
            if self._pending[size - 2 : size] == _END:
                return _frame(self._take(size))
        raise RemoteProtocolError(self._take(2), "length")


def _frame(raw: bytes) -> WeightFrame:
    body, bcc = raw[2:-3], raw[-3]
    if xor(body) != bcc:
        raise RemoteProtocolError(raw, "checksum")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise RemoteProtocolError(raw) from None
    state, sign, weight, unit = text[0], text[1], text[2:-2], text[-2:].strip()
    if state not in "SU" or sign not in " +-F":
        raise RemoteProtocolError(raw)
    return WeightFrame(state == "S", sign == "F", _number(weight, sign, raw), unit.lower(), raw)


def _number(text: str, sign: str, raw: bytes) -> Decimal | None:
    if not text.strip():
        return None
    if not _NUMBER.fullmatch(text):
        raise RemoteProtocolError(raw)
    value = Decimal(text.strip())
    return -value if sign == "-" else value


class Lamp(IntFlag):
    """What is lit on the indicator, as a stream tells it."""

    ZERO = 0x01
    TARE = 0x02
    GROSS = 0x04
    HOLD = 0x10
    STABLE = 0x40


class StreamLine(NamedTuple):
    """One line of a stream. `header` is ST (stable), US (unstable) or OL (overload)."""

    header: str
    gross: bool
    lamp: Lamp
    weight: Decimal | None
    unit: str
    raw: bytes


def last_stream_line(data: bytes) -> StreamLine | None:
    """Return the last whole line of a stream in `data`, None if it holds none."""
    for line in reversed(data.split(b"\n")[:-1]):
        found = _stream_line(line + b"\n")
        if found is not None:
            return found
    return None


_STREAM = re.compile(rb"(ST|US|OL),(GS|NT),.(.),([ 0-9.+-]{8}) (kg| g|lb|oz)\r\n", re.DOTALL)


def _stream_line(raw: bytes) -> StreamLine | None:
    found = _STREAM.fullmatch(raw)
    if found is None or len(raw) != _LINE_SIZE:
        return None
    header, gross, lamp, weight, unit = found.groups()
    digits = weight.replace(b" ", b"").decode("ascii")
    try:
        value = Decimal(digits) if digits else None
    except ArithmeticError:
        return None
    lit = Lamp(lamp[0] & 0x57)
    return StreamLine(header.decode(), gross == b"GS", lit, value, unit.decode().strip(), raw)
