r"""SMA SCP-0499 (Scale Manufacturers Association), levels 1 and 2: questions that only read, and the answers.

Source: the standard of April 1999 with its modification of 2005; manuals of scales that follow it (Sartorius
PR 5220, B-TEK T419S). A command is `0A c 0D`.

    W -> 0A s r n m f wwwwwwwwww uuu 0D    status, range, gross/net, motion, reserved, weight, unit
    A -> 0A SMA:level/revision 0D          about the scale; then B, again and again, until END:
    D -> 0A r e c m 0D                     diagnostics: a letter where something is broken, else a space
    ? -> 0A 3F 0D  a command that the scale does not know;  ! -> 0A 21 0D  it heard a damaged one

Z, T, M, C, U (zero, tare, units), P, Q (wait for a stable weight, or print) and R, S (begin to stream) cannot
be encoded.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from probes.protocols.scale_frames import (
    NEED_MORE,
    FrameReader,
    NeedMore,
    ReadRequest,
    RemoteProtocolError,
    checked,
)

LF: Final = 0x0A
CR: Final = 0x0D
_PRINTABLE: Final = range(0x20, 0x7F)
_SIZE_MAX: Final = 48  # LF, a field of 4 and 25 characters, CR; some scales make the field longer
_STANDARD = re.compile(r"([ ZOUEIT])([0-9])([GTNgnt])([ M])(.)(.{10})(.{3})")
_FIELD = re.compile(r"([A-Z0-9_ ]{3}):(.*)")
_NUMBER = re.compile(r"-? *[0-9]*\.?[0-9]+")


def _request(letter: str) -> ReadRequest:
    return ReadRequest(letter, b"\n" + letter.encode("ascii") + b"\r")


WEIGHT, HIGH_RESOLUTION, ABOUT, ABOUT_SCROLL, INFORMATION, INFORMATION_SCROLL, DIAGNOSTICS = map(
    _request, ("W", "H", "A", "B", "I", "N", "D")
)
READ_REQUESTS: Final = frozenset(
    {WEIGHT, HIGH_RESOLUTION, ABOUT, ABOUT_SCROLL, INFORMATION, INFORMATION_SCROLL, DIAGNOSTICS}
)


def encode(request: ReadRequest) -> bytes:
    """Return the bytes of `request`.

    Raises:
        LocalProtocolError: it is not one of `READ_REQUESTS`.
    """
    return checked(request, READ_REQUESTS)


class StandardReply(NamedTuple):
    """The answer to W and H.

    `status` is one character: space, Z center of zero, O over capacity, U under capacity, E zero error,
    T tare error (I, initial zero error, in one manual: UNVERIFIED). `weight` is None where its field holds
    dashes.
    """

    status: str
    range: str
    gross_net: str
    motion: bool
    weight: Decimal | None
    unit: str
    raw: bytes


class Field(NamedTuple):
    """One line about the scale: MFG maker, MOD model, REV revision, SN_ serial number, END the last one."""

    name: str
    value: str
    raw: bytes


class Diagnostics(NamedTuple):
    """Four characters: RAM or ROM, EEPROM, calibration, and one more; a space is "nothing wrong"."""

    letters: str
    raw: bytes


class NotUnderstood(NamedTuple):
    """`?`: the scale does not know the command. `!`: it heard a damaged one."""

    sign: str
    raw: bytes


Event: TypeAlias = StandardReply | Field | Diagnostics | NotUnderstood


class Reader(FrameReader[Event]):
    """Finds the answers of a scale in a stream."""

    def _next(self) -> Event | NeedMore:
        self._skip_to(bytes((LF,)))
        for place in range(1, _SIZE_MAX):
            if place == len(self._pending):
                return NEED_MORE
            byte = self._pending[place]
            if byte == CR:
                return _parse(self._take(place + 1))
            if byte not in _PRINTABLE:
                raise RemoteProtocolError(self._take(place))
        raise RemoteProtocolError(self._take(_SIZE_MAX))


def _parse(raw: bytes) -> Event:
    text = raw[1:-1].decode("ascii")
    if text in {"?", "!"}:
        return NotUnderstood(text, raw)
    standard = _STANDARD.fullmatch(text)
    if standard:
        return _standard(standard, raw)
    field = _FIELD.fullmatch(text)
    if field:
        return Field(field[1], field[2].strip(), raw)
    if len(text) == 4:
        return Diagnostics(text, raw)
    raise RemoteProtocolError(raw)


def _standard(found: re.Match[str], raw: bytes) -> StandardReply:
    status, range_, gross_net, motion, _reserved, weight, unit = found.groups()
    text = weight.strip()
    if text and not text.strip("-"):
        value = None
    elif _NUMBER.fullmatch(text):
        value = Decimal(text.replace(" ", ""))
    else:
        raise RemoteProtocolError(raw)
    return StandardReply(status, range_, gross_net, motion == "M", value, unit.replace("_", " ").strip(), raw)
