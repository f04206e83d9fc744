"""Does the symbol that the scanner names go with the code in it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.scanning.reading import Problem, Reading

if TYPE_CHECKING:
    from probes.scanning.aim import Aim

_NUMBERS = {"number", "ean-8", "upc-a", "upc-e", "ean-13", "ean-13-in-store", "itf-14"}


def wrong_symbol(aim: Aim | None, reading: Reading) -> Problem | None:
    """Return what is wrong if the symbol's identifier and the code do not belong together."""
    if aim is None:
        return None
    if reading.kind in {"marking", "tobacco-pack"}:
        return _on_marking(aim, reading)
    return _on_ean(aim, reading) if aim.digits else None


def _on_marking(aim: Aim, reading: Reading) -> Problem | None:
    args = {"aim": aim.id, "symbology": aim.name}
    if aim.linear:
        return Problem("scanner.wrong-symbology", "scanner.linear-on-marking", args)
    if reading.kind == "marking" and not aim.gs1:  # a tobacco pack has no AIs, and so no FNC1
        return Problem("scanner.wrong-symbology", "scanner.without-fnc1", args)
    return None


def _on_ean(aim: Aim, reading: Reading) -> Problem | None:
    if reading.kind not in _NUMBERS:
        args = {"aim": aim.id, "symbology": aim.name}
        return Problem("scanner.wrong-symbology", "scanner.not-its-symbol", args)
    count = len(reading.corrected or "")
    if reading.problems or count in aim.digits:
        return None
    return Problem("scanner.truncated", "scanner.digits-missing", {"count": str(count)})
