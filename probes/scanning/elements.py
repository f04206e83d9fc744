"""The GS1 elements of a code. biip knows the identifiers and their values; imported when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.scanning.separators import GS

if TYPE_CHECKING:
    from biip.gs1_application_identifiers import GS1ApplicationIdentifier

Trouble = Literal["", "cut", "separator", "value", "unknown"]


class Elements(NamedTuple):
    """What was read: AI -> value, in the order of the code.

    `trouble` is why the reading stopped before `rest`: "cut" (a fixed length is not reached), "separator" (a
    value is longer than its AI allows), "value" (it is not what its AI allows), "unknown" (no such AI).
    """

    values: dict[str, str]
    trouble: Trouble = ""
    rest: str = ""


def parse_elements(code: str) -> Elements:
    """Return the elements of `code`, which stands without an AIM identifier and without a leading FNC1."""
    from biip import ParseError
    from biip.gs1_element_strings import GS1ElementString

    values: dict[str, str] = {}
    rest = code
    while rest:
        try:
            element = GS1ElementString.extract(rest)
        except ParseError:
            return Elements(values, _trouble(rest), rest)
        if element.ai.ai in values:
            return Elements(values, "value", rest)  # the same part twice: this is another code
        values[element.ai.ai] = element.value
        rest = rest[len(element) :]
        if rest and not rest.startswith(GS) and element.ai.separator_required:
            return Elements(values, "separator", rest)
        rest = rest.lstrip(GS)
    return Elements(values)


def _trouble(rest: str) -> Trouble:
    from biip import ParseError
    from biip.gs1_application_identifiers import GS1ApplicationIdentifier

    try:
        ai = GS1ApplicationIdentifier.extract(rest)
    except ParseError:
        return "cut" if rest.isdigit() and len(rest) < 2 else "unknown"
    value = rest.split(GS, 1)[0][len(ai.ai) :]
    return "cut" if len(value) < _least(ai) else "value"


def _least(ai: GS1ApplicationIdentifier) -> int:
    """Return how many characters a value of `ai` has at least: its format is "N2+N14" or "N2+X..20"."""
    size = ai.format.partition("+")[2].lstrip("NXYZ[")
    return int(size) if size.isdigit() else 1
