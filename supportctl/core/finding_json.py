"""Findings as JSON and back: what an agent found, told in words on the asking side.

What is written holds no secrets. What is read comes from another machine: each part is of its kind, and every
text is made safe to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.core.finding import Evidence, Finding, Meaning, Status
from supportctl.core.json_values import MEANING, flag, items, mapping, moment, number, plain, text
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.core.finding import Arg

MAX_FINDINGS = 10_000
_MAX_PARTS = 200
_TEXT = 2_000


class FindingJsonError(ValueError):
    """A document that is no finding."""


def document_of(finding: Finding) -> dict[str, Any]:  # Any: JSON
    """Return a finding as JSON values, without secrets."""
    told = plain(finding)
    assert isinstance(told, dict)
    return told


def finding_of(value: Any) -> Finding:  # noqa: ANN401  JSON
    """Return the finding of a document.

    Raises:
        FindingJsonError: it is none.
    """
    try:
        return _finding(value)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FindingJsonError(clean(f"{type(error).__name__}: {error}")) from None


def findings_of(value: Any) -> tuple[Finding, ...]:  # noqa: ANN401  JSON
    """Return the findings of a list. Raises: FindingJsonError."""
    if not isinstance(value, list) or len(value) > MAX_FINDINGS:
        raise FindingJsonError("no list")
    return tuple(finding_of(each) for each in value)


def _finding(value: Any) -> Finding:  # noqa: ANN401  JSON
    read = {name: _FINDING[name](part) for name, part in _parts(value).items()}
    return Finding(**read)


def _evidence(value: Any) -> Evidence:  # noqa: ANN401  JSON
    return Evidence(**{name: _EVIDENCE[name](part) for name, part in _parts(value).items()})


def _parts(value: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return mapping(value, _MAX_PARTS)


def _text(value: Any) -> str:  # noqa: ANN401  JSON
    return clean(text(value), _TEXT)


def _arg(value: Any) -> Arg:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return Meaning(_text(value[MEANING]))
    return _text(value) if isinstance(value, str) else number(value)


def _args(value: Any) -> dict[str, Arg]:  # noqa: ANN401  JSON
    return {_text(name): _arg(part) for name, part in _parts(value).items()}


_EVIDENCE: Mapping[str, Callable[[Any], Any]] = {
    "asked": _text, "at": moment, "ms": number, "sent": _text, "got": _text, "meaning": _text,
    "args": _args,
}  # fmt: skip
_FINDING: Mapping[str, Callable[[Any], Any]] = {
    "code": _text, "status": Status, "target": _text, "name": _text, "args": _args,
    "evidence": lambda value: tuple(_evidence(part) for part in items(value, _MAX_PARTS)),
    "because": _text, "stops_sales": flag, "ours": flag,
}  # fmt: skip
