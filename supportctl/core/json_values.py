"""Values as JSON and back, strictly: each part is of its kind, or is refused. No secrets are written."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from supportctl.core.finding import Evidence, Finding, Meaning
from supportctl.core.redaction import redact

MEANING = "meaning"  # an argument that is a key of the texts stands as {"meaning": KEY}


def plain(value: Any, *, prose: bool = False) -> Any:  # noqa: ANN401, PLR0911  anything that a record holds
    """Return a value as JSON has it; parts of findings and evidence that say nothing are left out.

    `prose`: secrets go as people write them, too (`redact`).
    """
    match value:
        case Meaning():
            return {MEANING: redact(value)}
        case str():
            return redact(value, prose=prose)
        case float() if not math.isfinite(value):
            return str(value)
        case Finding() | Evidence():
            parts = value._asdict().items()
            return {name: plain(part, prose=prose) for name, part in parts if part not in (None, (), {})}
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return [plain(part, prose=prose) for part in value]
        case None | bool() | int() | float():
            return value
    return {redact(str(name)): plain(part, prose=prose) for name, part in value.items()}


def text(value: Any) -> str:  # noqa: ANN401  JSON
    """Return a text. All of these raise TypeError or ValueError for what is none."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def number(value: Any) -> float:  # noqa: ANN401  JSON
    """Return a number that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return value


def flag(value: Any) -> bool:  # noqa: ANN401  JSON
    """Return yes or no."""
    if not isinstance(value, bool):
        raise TypeError("no yes or no")
    return value


def mapping(value: Any, most: int | None = None) -> dict[str, Any]:  # noqa: ANN401  JSON
    """Return an object, of at most so many parts."""
    if not isinstance(value, dict) or (most is not None and len(value) > most):
        raise TypeError("no object")
    return value


def items(value: Any, most: int | None = None) -> list[Any]:  # noqa: ANN401  JSON
    """Return a list, of at most so many items."""
    if not isinstance(value, list) or (most is not None and len(value) > most):
        raise TypeError("no list")
    return value


def moment(value: Any) -> datetime:  # noqa: ANN401  JSON
    """Return a time with its zone."""
    found = datetime.fromisoformat(text(value))
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
