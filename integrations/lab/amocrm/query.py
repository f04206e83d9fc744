"""Lists of the API v4: filters in brackets, pages, and 204 where nothing is found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from integrations.lab.amocrm.problems import NO_CONTENT
from integrations.lab.portal import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integrations.lab.portal import Asked, Said

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
MAX_LIMIT = 250
DEFAULT_LIMIT = 50


def filtered(asked: Asked, name: str) -> list[str]:
    """Return the values of `filter[NAME]`, however they are written: once, as a list, with commas."""
    values: list[str] = []
    for key, value in asked.query:
        if key.startswith("filter[") and _BRACKETS.findall(key)[0] == name and "[from]" not in key:
            values += [] if key.endswith("[to]") else [part for part in value.split(",") if part]
    return values


def numbers(asked: Asked, name: str) -> set[int]:
    """Return the values of a filter that are numbers."""
    return {int(value) for value in filtered(asked, name) if value.isdecimal()}


def between(asked: Asked, name: str) -> tuple[int, int]:
    """Return a range of times: `[from]` and `[to]`, or `from,to` in one."""
    both = [int(value) for value in filtered(asked, name) if value.isdecimal()]
    low = asked.param(f"filter[{name}][from]")
    high = asked.param(f"filter[{name}][to]")
    first = int(low) if low.isdecimal() else both[0] if both else 0
    last = int(high) if high.isdecimal() else both[1] if len(both) > 1 else 2**62
    return first, last


def order(asked: Asked, known: Sequence[str], default: tuple[str, str]) -> tuple[str, bool]:
    """Return the field to sort by, and whether the greatest comes first."""
    name, way = default
    for key, value in asked.query:
        if key.startswith("order[") and _BRACKETS.findall(key)[0] in known:
            name, way = _BRACKETS.findall(key)[0], value
    return name, way == "desc"


def page(asked: Asked, key: str, rows: list[dict[str, Any]], most: int = MAX_LIMIT) -> Said:
    """Return one page of rows, with a link to the next; 204 if there are none on it."""
    wanted, number = asked.param("limit"), asked.param("page", "1")
    limit = min(int(wanted), most) if wanted.isdecimal() and int(wanted) else min(DEFAULT_LIMIT, most)
    at = max(int(number), 1) if number.isdecimal() else 1
    found = rows[(at - 1) * limit : at * limit]
    if not found:
        return NO_CONTENT
    host = asked.headers.get("host", "acme.amocrm.ru")
    links = {"self": {"href": _link(asked, host, at, limit)}}
    if len(rows) > at * limit:
        links["next"] = {"href": _link(asked, host, at + 1, limit)}
    return document({"_page": at, "_links": links, "_embedded": {key: found}})


def _link(asked: Asked, host: str, number: int, limit: int) -> str:
    rest = "".join(f"&{name}={value}" for name, value in asked.query if name not in {"page", "limit"})
    return f"https://{host}{asked.path}?limit={limit}&page={number}{rest}"
