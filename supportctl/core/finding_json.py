"""Findings as JSON and back: what an agent found, told in words on the asking side.

What is written holds no secrets. What is read comes from another machine: each part is of its kind, and every
text is made safe to show.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from supportctl.core.finding import Evidence, Finding, Meaning, Status
from supportctl.core.redaction import redact
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.core.finding import Arg

MAX_FINDINGS = 10_000
_MAX_PARTS = 200
_TEXT = 2_000
_MEANING = "meaning"


class FindingJsonError(ValueError):
    """A document that is no finding."""


def document_of(finding: Finding) -> dict[str, Any]:  # Any: JSON
    """Return a finding as JSON values, without secrets."""
    told = _plain(finding)
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


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911  anything that a finding holds; one line a kind
    match value:
        case Meaning():
            return {_MEANING: redact(value)}
        case str():
            return redact(value)
        case float() if not math.isfinite(value):
            return str(value)
        case Finding() | Evidence():
            parts = value._asdict().items()
            return {name: _plain(part) for name, part in parts if part not in (None, (), {})}
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return [_plain(part) for part in value]
        case None | bool() | int() | float():
            return value
    return {redact(str(name)): _plain(part) for name, part in value.items()}


def _finding(value: Any) -> Finding:  # noqa: ANN401  JSON
    read = {name: _FINDING[name](part) for name, part in _parts(value).items()}
    return Finding(**read)


def _evidence(value: Any) -> Evidence:  # noqa: ANN401  JSON
    return Evidence(**{name: _EVIDENCE[name](part) for name, part in _parts(value).items()})


def _parts(value: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    if not isinstance(value, dict) or len(value) > _MAX_PARTS:
        raise TypeError("no object")
    return value


def _text(value: Any) -> str:  # noqa: ANN401  JSON
    if not isinstance(value, str):
        raise TypeError("no text")
    return clean(value, _TEXT)


def _number(value: Any) -> float:  # noqa: ANN401  JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401  JSON
    if not isinstance(value, bool):
        raise TypeError("no yes or no")
    return value


def _arg(value: Any) -> Arg:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return Meaning(_text(value[_MEANING]))
    return _text(value) if isinstance(value, str) else _number(value)


def _args(value: Any) -> dict[str, Arg]:  # noqa: ANN401  JSON
    return {_text(name): _arg(part) for name, part in _parts(value).items()}


def _moment(value: Any) -> datetime:  # noqa: ANN401  JSON
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _list(value: Any) -> list[Any]:  # noqa: ANN401  JSON
    if not isinstance(value, list) or len(value) > _MAX_PARTS:
        raise TypeError("no list")
    return value


_EVIDENCE: Mapping[str, Callable[[Any], Any]] = {
    "asked": _text, "at": _moment, "ms": _number, "sent": _text, "got": _text, "meaning": _text,
    "args": _args,
}  # fmt: skip
_FINDING: Mapping[str, Callable[[Any], Any]] = {
    "code": _text, "status": Status, "target": _text, "name": _text, "args": _args,
    "evidence": lambda value: tuple(_evidence(part) for part in _list(value)),
    "because": _text, "stops_sales": _flag, "ours": _flag,
}  # fmt: skip
