r"""Mettler Toledo 8217: the one question that only reads, and its two answers.

Source: Mettler Toledo DIVA service manual ("8217 mode": commands, scale status byte); the same wire contract
is used by Odoo's scale driver and by the simulator emupos.

    W -> 02 ww.www 0D       the weight, in the unit that the scale is set to; N behind it: net weight
    W -> 02 3F status 0D    no weight can be given; the bits say why

Z, T and C (zero, tare, clear) change the scale and cannot be encoded. Bit 6 of the status is "always 1" for
Mettler Toledo, while emupos sets it for an unknown command: it is not looked at. Bit 7 is the parity bit of a
line with seven bits.
"""

from __future__ import annotations

import re
from enum import IntFlag
from typing import Final, NamedTuple, TypeAlias

from probes.protocols.scale_frames import (
    NEED_MORE,
    FrameReader,
    NeedMore,
    ReadRequest,
    RemoteProtocolError,
    checked,
)

STX: Final = 0x02
CR: Final = 0x0D
_STATUS_MARK: Final = 0x3F
_BODY: Final = frozenset(b"0123456789. N")
_WEIGHT = re.compile(rb" *([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(N?)")
_STATUS_SIZE, _SIZE_MAX = 4, 16

WEIGHT: Final = ReadRequest("W", b"W")
READ_REQUESTS: Final = frozenset({WEIGHT})


def encode(request: ReadRequest) -> bytes:
    """Return the bytes of `request`.

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`.
    """
    return checked(request, READ_REQUESTS)


class ScaleStatus(IntFlag):
    """The status byte, bits named as in the manual. Bits 6 and 7 are left out: see the top of this file."""

    SCALE_IN_MOTION = 0x01
    OVER_CAPACITY = 0x02
    UNDER_ZERO = 0x04
    OUTSIDE_ZERO_CAPTURE_RANGE = 0x08
    CENTER_OF_ZERO = 0x10
    NET_WEIGHT = 0x20


_KNOWN_BITS: Final = 0x3F


class Weight(NamedTuple):
    """A stable weight, as the scale's display shows it: digits and a decimal point, no unit."""

    text: str
    net: bool
    raw: bytes


class StatusReply(NamedTuple):
    """The scale gives no weight; `byte` is the whole status byte."""

    status: ScaleStatus
    byte: int
    raw: bytes


Event: TypeAlias = Weight | StatusReply


class Reader(FrameReader[Event]):
    """Finds the answers of a scale in a stream."""

    def _next(self) -> Event | NeedMore:
        self._skip_to(bytes((STX,)))
        if len(self._pending) < 2:
            return NEED_MORE
        if self._pending[1] == _STATUS_MARK:
            return self._status()
        for place in range(1, _SIZE_MAX):
            if place == len(self._pending):
                return NEED_MORE
            byte = self._pending[place]
            if byte == CR:
                return self._weight(place + 1)
            if byte not in _BODY:
                raise RemoteProtocolError(self._take(place))
        raise RemoteProtocolError(self._take(_SIZE_MAX))

    def _status(self) -> StatusReply | NeedMore:
        """The status byte itself may be 0D: it is found by its place."""
        if len(self._pending) < _STATUS_SIZE:
            return NEED_MORE
        if self._pending[_STATUS_SIZE - 1] != CR:
            raise RemoteProtocolError(self._take(1))
        raw = self._take(_STATUS_SIZE)
        return StatusReply(ScaleStatus(raw[2] & _KNOWN_BITS), raw[2], raw)

    def _weight(self, size: int) -> Weight:
        raw = self._take(size)
        found = _WEIGHT.fullmatch(raw[1:-1])
        if found is None:
            raise RemoteProtocolError(raw)
        return Weight(found[1].decode("ascii"), bool(found[2]), raw)
