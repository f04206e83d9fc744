"""What a scale that sends by itself looks like, whatever its protocol. Pure."""

from __future__ import annotations

from supportctl.core.text import clean

_LINES = 3  # so many of the same length are no chance
_SHORTEST = 3
_ODD_SHARE = 5  # at most one character in so many may be no text: status bytes, lamps
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\x02\x03")
_SHOWN = 40


def steady_line(data: bytes) -> str | None:
    """Return one line of `data` if it is made of lines of one length, each ended by CR, else None.

    The first and the last line may have been cut.
    """
    lines = [line.strip(b"\n") for line in data.split(b"\r")][:-1]
    whole = lines[1:] if len(lines) > _LINES else lines
    if len(whole) < _LINES or len({len(line) for line in whole}) != 1:
        return None
    if any(len(line) < _SHORTEST or _odd(line) * _ODD_SHARE > len(line) for line in whole):
        return None
    return clean(whole[-1].strip(b"\x02\x03 ").decode("ascii", "replace"), _SHOWN)


def _odd(line: bytes) -> int:
    return sum(byte not in _TEXT for byte in line)
