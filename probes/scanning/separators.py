r"""The separator GS (1D) and what stands for it where a scanner, a log or a till cannot show it.

Source: reference for devices, section 7. The driver test of Shtrih accepts F8, Alt and Ctrl sequences; the
other forms are UNVERIFIED (from memory).
"""

from __future__ import annotations

import re
from typing import NamedTuple

GS = "\x1d"

# Forms that mean GS wherever they stand in a GS1 code: none of them is possible inside one.
_WRITTEN = re.compile(
    r"<gs>|\{gs\}|\[gs\]|\(gs\)|\\x1d|\\u001d|\\u\{1d\}|\\035|%1d|&#29;|&#x1d;|<0x1d>|\^\]"
    r"|\x1b\[19~|<f8>|\{f8\}|\[f8\]|\u241d",
    re.IGNORECASE,
)
# Characters that a scanner can be set to send instead; GS1 has none of them in its alphabet. They are
# believed only where the code then has a known form.
_REPLACEMENTS = ("|", " ", "~", "#", "$", "@", "^", "\\", "`", "\xa7", "\xe8")
_FIXED = 18  # `01`, GTIN, `21`: no separator before
_ALT_DIGITS = ("0029", "029")  # Alt+029 where nothing takes the Alt key


class Substitute(NamedTuple):
    """A text with real separators, and what stood for them; `typed` says that it was Alt's digits."""

    text: str
    shown: str
    typed: bool = False


def written_out(text: str) -> list[Substitute]:
    """Return what `text` would be with real separators for each form of them that is written out in it."""
    if GS in text:
        return []  # then the scanner sends them, and what looks so is a part of the code
    forms = dict.fromkeys(_WRITTEN.findall(text))
    return [Substitute(text.replace(form, GS), form) for form in forms]


def replaced(text: str) -> list[Substitute]:
    """Return what `text` would be if one of the usual characters stood for GS; most likely first."""
    start, end = text[:_FIXED], text[_FIXED:]
    found = [Substitute(start + end.replace(sign, GS), sign) for sign in _REPLACEMENTS if sign in end]
    for digits in _ALT_DIGITS:
        # the digits can be part of the serial number, too: each place by itself, then all of them
        places = [match.start() for match in re.finditer(digits, text)][:8]
        found += [
            Substitute(text[:place] + GS + text[place + len(digits) :], digits, typed=True)
            for place in places
        ]
        if len(places) > 1:
            found.append(Substitute(text.replace(digits, GS), digits, typed=True))
    return found
