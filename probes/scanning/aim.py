"""AIM symbology identifiers: `]` + letter + digit, sent before the code where the scanner is set to it.

Source: ISO/IEC 15424; the GS1 ones as in reference for devices, section 7 (`]C0`, `]d1` and `]Q1` stand there
"from memory").
"""

from __future__ import annotations

from typing import NamedTuple

_SIZE = 3


class Aim(NamedTuple):
    """One identifier. `gs1`: the symbol begins with FNC1, so its text consists of GS1 elements."""

    id: str
    name: str
    linear: bool
    gs1: bool = False
    digits: tuple[int, ...] = ()  # how many digits such a symbol has, where it has nothing else


_LINEAR = {"A": "Code 39", "C": "Code 128", "E": "EAN/UPC", "F": "Codabar", "G": "Code 93", "H": "Code 11",
           "I": "Interleaved 2 of 5", "M": "MSI", "R": "Straight 2 of 5", "S": "Standard 2 of 5",
           "e": "GS1 DataBar"}  # fmt: skip
_MATRIX = {"L": "PDF417", "J": "DotCode", "O": "Codablock", "Q": "QR", "U": "MaxiCode", "d": "DataMatrix",
           "h": "Han Xin", "z": "Aztec"}  # fmt: skip
_SPECIAL = {
    "]C1": Aim("]C1", "GS1-128", linear=True, gs1=True),
    "]E0": Aim("]E0", "EAN-13", linear=True, digits=(13, 12)),
    "]E3": Aim("]E3", "EAN-13 with add-on", linear=True, digits=(15, 18)),
    "]E4": Aim("]E4", "EAN-8", linear=True, digits=(8,)),
    "]I1": Aim("]I1", "ITF-14", linear=True),
    "]e0": Aim("]e0", "GS1 DataBar", linear=True, gs1=True),
    "]d2": Aim("]d2", "GS1 DataMatrix", linear=False, gs1=True),
    "]d5": Aim("]d5", "GS1 DataMatrix", linear=False, gs1=True),
    "]Q3": Aim("]Q3", "GS1 QR", linear=False, gs1=True),
    "]Q4": Aim("]Q4", "GS1 QR", linear=False, gs1=True),
    "]J1": Aim("]J1", "GS1 DotCode", linear=False, gs1=True),
}


def aim_of(text: str) -> Aim | None:
    """Return the identifier that `text` begins with; None where there is none, also for an unused letter."""
    head = text[:_SIZE]
    if len(head) < _SIZE or head[0] != "]" or head[2] not in "0123456789":
        return None
    letter = head[1]
    if head in _SPECIAL:
        return _SPECIAL[head]
    name = _LINEAR.get(letter) or _MATRIX.get(letter)
    return Aim(head, name, letter in _LINEAR) if name else None


def split_aim(text: str) -> tuple[Aim | None, str]:
    """Return the identifier and what stands behind it."""
    aim = aim_of(text)
    return aim, text[_SIZE:] if aim else text
