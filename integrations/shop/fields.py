"""Reading what a shop system answered, strictly: a wrong type is a broken answer, told once, and no crash."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from supportctl.core.failure import Failure, ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from integrations.http import Reply

NOT_UNDERSTOOD = "not-understood"  # `ServiceError.code` of an answer that is not as it is documented
_TEXT_MAX = 255
_SWITCH = {"True": True, "1": True, "False": False, "0": False}


def not_understood(where: str, value: object) -> ServiceError:
    """Return the error of an answer that is not as documented: repeated or not, it stays so."""
    return ServiceError(Failure.DATA, NOT_UNDERSTOOD, f"{where}: {clean(repr(value), 120)}")


def json_of(reply: Reply, where: str) -> Any:
    """Return the JSON of an answer.

    Raises:
        ServiceError: it is none.
    """
    try:
        return reply.json()
    except (ValueError, RecursionError):
        raise not_understood(where, reply.body[:80]) from None


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise not_understood(where, value)
    return value


def objects(value: object, where: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of JSON objects."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise not_understood(where, value)
    return value


def text(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text; without a default it must be there and not be empty."""
    value = row.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # Poster gives ids as numbers and as texts
    if not isinstance(value, str) or (not value and default is None):
        raise not_understood(name, value)
    return clean(value, _TEXT_MAX)


def number(row: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """Return a number, which may be written as a text."""
    value = row.get(name)
    if default is not None and (value is None or value == ""):
        return default
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise not_understood(name, value)
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise not_understood(name, value) from None
    if not math.isfinite(found):
        raise not_understood(name, value)
    return found


def flag(row: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return a switch: true and false, or 1 and 0 as numbers or texts."""
    value = row.get(name)
    if value is None:
        return default
    if not isinstance(value, bool | int | str) or str(value) not in _SWITCH:
        raise not_understood(name, value)
    return _SWITCH[str(value)]


def listed(values: Iterator[str] | Sequence[str], most: int = 5) -> str:
    """Return the first few as one line, with `…` where there are more."""
    few = list(values)
    return ", ".join(few[:most]) + (", …" if len(few) > most else "")
