"""Codes that are digits only: EAN, UPC, ITF-14, and numbers that nothing is known of."""

from __future__ import annotations

from typing import NamedTuple

_IN_STORE = "2"  # EAN-13 with prefix 20 to 29: the shop's own numbers, mostly goods weighed at the counter
_KINDS = {8: "ean-8", 12: "upc-a", 13: "ean-13", 14: "itf-14"}
_EAN, _EAN_8, _UPC = 13, 8, 12


class Number(NamedTuple):
    """What a row of digits is. `checked` is None where it has no check digit; `missing`: it lacks digits."""

    kind: str
    checked: bool | None = None
    missing: bool = False


def check_digit(digits: str) -> str:
    """Return the check digit that belongs behind `digits` (GS1: weights 3, 1, 3... from the right)."""
    return str(-sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits))) % 10)


def is_checked(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others."""
    return digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]


def number(digits: str) -> Number:
    """Return what `digits` are by their count and check digit."""
    size = len(digits)
    if size not in _KINDS:
        return Number("number")
    good = is_checked(digits) or (size == _EAN_8 and _is_upc_e(digits))
    if size == _UPC and not good:
        return Number("ean-13", missing=True)  # an EAN-13 without one of its digits, or without the last one
    if size == _EAN_8 and good and not is_checked(digits):
        return Number("upc-e", checked=True)
    kind = "ean-13-in-store" if size == _EAN and digits.startswith(_IN_STORE) else _KINDS[size]
    return Number(kind, checked=good)


def glued(digits: str) -> list[str]:
    """Return the codes that stand in `digits` without anything between them; empty if it is one code."""
    for size in (_EAN, _UPC, _EAN_8):
        parts = [digits[at : at + size] for at in range(0, len(digits), size)]
        if len(parts) < 2 or len(parts[-1]) < size or not all(map(is_checked, parts)):
            continue
        if size == _EAN or len(set(parts)) == 1:  # two different short ones can be one long number by chance
            return parts
    return []


def _is_upc_e(digits: str) -> bool:
    """Return whether these eight digits are a UPC-E: its check digit is that of the UPC-A it stands for."""
    if digits[0] not in "01":
        return False
    a, b, c, d, e, last = list(digits[1:7])
    if last in "012":
        body = a + b + last + "0000" + c + d + e
    elif last == "3":
        body = a + b + c + "00000" + d + e
    elif last == "4":
        body = a + b + c + d + "00000" + e
    else:
        body = a + b + c + d + e + "0000" + last
    return check_digit(digits[0] + body) == digits[7]
