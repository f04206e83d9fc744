"""Takes the byte stream of an ESC/POS host apart: which bytes are commands, which are text to print.

Only the syntax is here. Lengths are those of the Epson ESC/POS Command Reference; a command that it does not
have is skipped with the byte behind its prefix, as printers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIXES: Final = frozenset({0x10, 0x1B, 0x1C, 0x1D})
_TEXT_FROM: Final = 0x20
_TABS_MAX: Final = 32
_WINDOW: Final = 512  # the length of every command is known within so many bytes
_KEPT: Final = 8

# Given the bytes from the command's first parameter on: how many parameter and data bytes follow the name,
# or None while that is not known yet.
Length: TypeAlias = "Callable[[bytes], int | None]"


class Token(NamedTuple):
    """A command (`name` as in the manual), a run of text (`TEXT`) or bytes that no command has (`UNKNOWN`).

    `params` holds the bytes behind the name. Image data is counted, not kept.
    """

    name: str
    params: bytes = b""


TEXT, UNKNOWN = "text", "unknown"


def _fixed(count: int) -> Length:
    return lambda _behind: count


def _counted(at: int, size: int = 2, unit: int = 1) -> Length:
    """A little-endian count of `size` bytes stands at `at`; so many units follow it."""

    def length(behind: bytes) -> int | None:
        end = at + size
        return end + unit * int.from_bytes(behind[at:end], "little") if len(behind) >= end else None

    return length


def _until_nul(behind: bytes) -> int | None:
    place = behind.find(0)
    return place + 1 if place >= 0 else None


def _tab_stops(behind: bytes) -> int | None:
    last = 0
    for place, stop in enumerate(behind):
        if stop == 0:
            return place + 1
        if stop <= last or place == _TABS_MAX:
            return place  # not a tab stop any more: the list has ended without its NUL
        last = stop
    return None


def _raster(behind: bytes) -> int | None:
    if len(behind) < 5:
        return None
    return 5 + int.from_bytes(behind[1:3], "little") * int.from_bytes(behind[3:5], "little")


def _bit_image(behind: bytes) -> int | None:
    if len(behind) < 3:
        return None
    return 3 + int.from_bytes(behind[1:3], "little") * (3 if behind[0] in {32, 33} else 1)


def _defined_image(behind: bytes) -> int | None:
    return 2 + behind[0] * behind[1] * 8 if len(behind) >= 2 else None


def _barcode(behind: bytes) -> int | None:
    if not behind:
        return None
    if behind[0] < 0x41:  # function A: up to a NUL
        length = _until_nul(behind[1:])
        return 1 + length if length is not None else None
    return 2 + behind[1] if len(behind) >= 2 else None


def _one_more(*when: int) -> Length:
    """One parameter, and a second one for some values of the first."""
    return lambda behind: (2 if behind[0] in when else 1) if behind else None


def _dle_dc4(behind: bytes) -> int | None:
    return 1 + {1: 2, 2: 2, 3: 5, 7: 1, 8: 7}.get(behind[0], 0) if behind else None


_SELECTED = _counted(1)  # `( X pL pH`: the letter, then a count

COMMANDS: Final[dict[bytes, tuple[str, Length]]] = {
    b"\x10\x04": ("DLE EOT", _one_more(7, 8, 18)),
    b"\x10\x05": ("DLE ENQ", _fixed(1)),
    b"\x10\x14": ("DLE DC4", _dle_dc4),
    b"\x1bp": ("ESC p", _fixed(3)),
    b"\x1b@": ("ESC @", _fixed(0)),
    b"\x1bD": ("ESC D", _tab_stops),
    b"\x1b*": ("ESC *", _bit_image),
    b"\x1b(": ("ESC (", _SELECTED),
    b"\x1c(": ("FS (", _SELECTED),
    b"\x1d(": ("GS (", _SELECTED),
    b"\x1d8": ("GS 8", _counted(1, 4)),
    b"\x1d*": ("GS *", _defined_image),
    b"\x1dI": ("GS I", _fixed(1)),
    b"\x1dV": ("GS V", _one_more(65, 66, 97, 98, 103, 104)),
    b"\x1da": ("GS a", _fixed(1)),
    b"\x1dk": ("GS k", _barcode),
    b"\x1dr": ("GS r", _fixed(1)),
    b"\x1dv": ("GS v 0", lambda behind: 1 + size if (size := _raster(behind[1:])) is not None else None),
}  # fmt: skip
# Commands that have nothing but a fixed number of parameters: by prefix and that number, their letters.
_PLAIN: Final = (
    (0x1B, "ESC", 0, "2<LSimv\x0c"),
    (0x1B, "ESC", 1, " !-3=EGJMRTUVadertu{"),
    (0x1B, "ESC", 2, "$\\c"),
    (0x1B, "ESC", 8, "W"),
    (0x1C, "FS", 0, "&."),
    (0x1C, "FS", 1, "!-CW"),
    (0x1C, "FS", 2, "Sp"),
    (0x1D, "GS", 0, ":c"),
    (0x1D, "GS", 1, "!/BEHTbfhjw"),
    (0x1D, "GS", 2, "$LPW\\"),
    (0x1D, "GS", 3, "^"),
)
COMMANDS.update(
    (bytes((prefix, ord(letter))), (f"{word} {letter}", _fixed(count)))
    for prefix, word, count, letters in _PLAIN
    for letter in letters
)
_CONTROLS: Final = {0x09: "HT", 0x0A: "LF", 0x0C: "FF", 0x0D: "CR", 0x18: "CAN"}


class Tokenizer:
    """Splits one host's stream; the tokens do not depend on how it is cut up (runs of text may)."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skip = 0
        self._unfinished: Token | None = None

    def feed(self, data: bytes) -> Iterator[Token]:
        """Yield every token that is complete by now."""
        self._pending += data
        while self._pending:
            token = self._next()
            if token is None:
                return
            yield token

    def _next(self) -> Token | None:
        if self._unfinished is not None:
            return self._finish()
        first = self._pending[0]
        if first >= _TEXT_FROM:
            return self._text()
        if first not in _PREFIXES:
            return Token(_CONTROLS.get(first, UNKNOWN), self._take(1))
        if len(self._pending) < 2:
            return None
        name, length = COMMANDS.get(bytes(self._pending[:2]), (UNKNOWN, _fixed(0)))
        behind = bytes(self._pending[2 : 2 + _WINDOW])
        size = length(behind)
        if size is None and len(behind) == _WINDOW:  # data without the end that it must have
            name, size = UNKNOWN, 0
        if size is None:
            return None
        prefix = self._take(2)
        self._skip = size
        self._unfinished = Token(name, prefix if name is UNKNOWN else b"")
        return self._finish()

    def _finish(self) -> Token | None:
        token = self._unfinished
        assert token is not None
        taken = self._take(min(self._skip, len(self._pending)))
        self._skip -= len(taken)
        kept = token.params + taken[: max(0, _KEPT - len(token.params))]
        token = Token(token.name, kept)
        self._unfinished = token if self._skip else None
        return None if self._skip else token

    def _text(self) -> Token:
        end = next((i for i, byte in enumerate(self._pending) if byte < _TEXT_FROM), len(self._pending))
        return Token(TEXT, self._take(end))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
