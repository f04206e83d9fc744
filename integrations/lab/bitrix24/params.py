"""Parameters as PHP reads them: `FILTER[>ID]=5`, `cmd[a]=method?x=y`, `USER_ID[]=1`; `$result` of a batch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY = re.compile(r"([^\[]+)((?:\[[^\]]*\])*)")
_PART = re.compile(r"\[([^\]]*)\]")
_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
_DEEPEST = 16
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return form fields as the nested arrays that PHP makes of them."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if not key:
            continue
        match = _KEY.fullmatch(key)
        parts = [match[1], *_PART.findall(match[2])] if match else [key]
        _put(found, parts[:_DEEPEST], value)
    return {name: as_list(value) for name, value in found.items()}


def from_query(text: str) -> dict[str, Any]:
    """Return the parameters of a query string."""
    return nested(parse_qsl(text, keep_blank_values=True))


def _put(into: dict[str, Any], parts: list[str], value: str) -> None:
    *way, last = parts
    for part in way:
        name = part or _next(into)
        inner = into.get(name)
        if not isinstance(inner, dict):
            inner = into[name] = {}
        into = inner
    into[last or _next(into)] = value


def _next(array: Mapping[str, Any]) -> str:
    return str(max((int(name) for name in array if name.isdecimal()), default=-1) + 1)


def as_list(value: Any) -> Any:
    """Return an array with the keys 0, 1, 2 as a list, as PHP writes it in JSON; the inner ones, too."""
    if not isinstance(value, dict):
        return value
    inner = {name: as_list(each) for name, each in value.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner


def as_php(array: Mapping[str, Any]) -> Any:
    """Return an array as PHP's json_encode writes it: one that is empty is `[]`, 0, 1, 2 make a list."""
    return as_list(dict(array)) if array else []


def folded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with the upper-case names that most methods fold them to."""
    return {str(name).upper(): value for name, value in params.items()}


def resolved(value: Any, results: Mapping[str, Any]) -> Any:
    """Return parameters in which `$result[id][FIELD]` is replaced; what does not exist becomes empty."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _look_up(results, _PART.findall(match[1])), value)
    if isinstance(value, dict):
        return {name: resolved(inner, results) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, results) for inner in value]
    return value


def _look_up(found: Any, path: list[str]) -> str:
    for part in path:
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return ""
    if isinstance(found, bool):
        return "1" if found else ""
    return str(found) if isinstance(found, str | int | float) else ""


def text(params: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a parameter as text; arrays and nothing are the default."""
    value = params.get(name)
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).strip() if isinstance(value, str | int | float) else default


def number(params: Mapping[str, Any], name: str, default: int = 0) -> int:
    """Return a parameter as a whole number, as PHP's (int) would for sound ones."""
    value = text(params, name)
    return int(value) if _NUMBER.fullmatch(value) else default


def flag(params: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return a parameter that is 0 or 1, Y or N, true or false."""
    value = text(params, name).upper()
    return value in {"1", "Y", "TRUE"} if value else default


def values(params: Mapping[str, Any], name: str) -> list[str]:
    """Return a parameter that may be one value or an array of them."""
    value = params.get(name)
    if isinstance(value, dict):
        value = list(value.values())
    found = value if isinstance(value, list) else [value]
    return [str(each) for each in found if isinstance(each, str | int | float) and str(each).strip()]
