"""Lines for a terminal: how many columns a text takes, and where it breaks."""

from __future__ import annotations

import unicodedata

MIN_WIDTH, MAX_WIDTH, DEFAULT_WIDTH = 40, 110, 100

_CODES = {"red": "31", "green": "32", "yellow": "33", "magenta": "35", "bold": "1", "dim": "2"}


def columns(text: str) -> int:
    """Return how many terminal columns `text` takes: wide letters take two, accents none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def wrap(text: str, width: int, first: str = "", then: str | None = None) -> list[str]:
    """Return `text` in lines of at most `width` columns.

    The first line begins with `first`, the others with `then` (default: as many blanks). A word that
    is longer than a line (a URL, a hex dump) is broken.
    """
    indent = " " * columns(first) if then is None else then
    room = max(width - max(columns(first), columns(indent)), 8)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _fold(paragraph.split(), room)
    return [(indent if number else first) + line for number, line in enumerate(lines or [""])]


def _fold(words: list[str], room: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words:
        if line and columns(line) + 1 + columns(word) <= room:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        *whole, line = _broken(word, room)
        lines += whole
    return [*lines, line] if line else lines


def _broken(word: str, room: int) -> list[str]:
    parts = []
    while columns(word) > room:
        cut = room
        while columns(word[:cut]) > room:
            cut -= 1
        parts.append(word[:cut])
        word = word[cut:]
    return [*parts, word]


def painted(text: str, style: str, *, color: bool) -> str:
    """Return `text` in a colour or weight ("red bold"), or as it is."""
    if not color or not style:
        return text
    return f"\x1b[{';'.join(_CODES[name] for name in style.split())}m{text}\x1b[0m"
