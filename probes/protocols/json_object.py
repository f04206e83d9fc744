"""One JSON object out of an answer, and its values each as the one type that is expected of it.

For services whose answers nobody has published a schema of: a value of another type counts as not told, and
only an answer that is no object at all is refused. The caller bounds the size.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = "Mapping[str, object]"


class JsonObjectError(ValueError):
    """Bytes that are no JSON object in UTF-8."""


def read_object(body: bytes) -> JsonObject:
    """Return the object that `body` holds.

    Raises:
        JsonObjectError: it holds none.
    """
    try:
        found: object = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad JSON, endless digits, endless depth
        raise JsonObjectError(type(error).__name__) from error
    if not isinstance(found, dict):
        raise JsonObjectError(type(found).__name__)
    return found


def inner(value: object) -> JsonObject | None:
    """Return an object within an object, None if it is none."""
    return value if isinstance(value, dict) else None


def text(value: object) -> str:
    """Return a text, `""` if it is none."""
    return value.strip() if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Return a whole number, None if it is none; `true` is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(value: object) -> bool | None:
    """Return true or false, also where they are spelled as text; None if it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text(value).lower())


def _no_constant(name: str) -> NoReturn:
    raise JsonObjectError(name)  # NaN and Infinity are JavaScript's, not JSON's
