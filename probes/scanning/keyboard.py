"""What a keyboard makes of a scan: another layout, Caps Lock, a stuck Shift.

A scanner that types presses the keys of a US keyboard; which letters come of them is up to the computer.
Source of the Russian layout (Windows): reference for devices, section 7, computed in its example script. The
layout of macOS differs and is not here.
"""

from __future__ import annotations

_US = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?' + "@#$^&|"
_RUSSIAN = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ," + '"№;:?/'
_FROM_RUSSIAN = str.maketrans(_RUSSIAN, _US)
_TO_RUSSIAN = str.maketrans(_US, _RUSSIAN)

# What the digit keys 1234567890 give instead of digits.
_DIGITS = "1234567890"
_SHIFTED = {
    "us": str.maketrans("!@#$%^&*()", _DIGITS),  # Shift held down
    "russian": str.maketrans('!"№;%:?*()', _DIGITS),
    "french": str.maketrans("&é\"'(-è_çà", _DIGITS),  # AZERTY has its digits on Shift
}


def is_cyrillic(text: str) -> bool:
    """Return whether a letter of the Russian alphabet stands in `text`."""
    return any("а" <= letter <= "я" or letter == "ё" for letter in text.lower())


def from_russian(text: str) -> str:
    """Return what the same keys give on the US layout; what no key of the Russian one gives stays."""
    return text.translate(_FROM_RUSSIAN)


def to_russian(text: str) -> str:
    """Return what the same keys give on the Russian layout."""
    return text.translate(_TO_RUSSIAN)


def digits_typed_as_symbols(text: str) -> list[tuple[str, str]]:
    """Return (layout, text with digits) for each layout whose digit keys can have given `text`'s symbols."""
    if any(character in _DIGITS for character in text):
        return []
    found = [(layout, text.translate(table)) for layout, table in _SHIFTED.items()]
    return [(layout, digits) for layout, digits in found if digits != text]
